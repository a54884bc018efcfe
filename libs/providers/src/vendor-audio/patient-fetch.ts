import { setTimeout as delay } from 'node:timers/promises';

/** How a vendor's package asks whether a job is done. */
export interface Polling {
  /** By method and path. */
  isPoll(method: string, path: string): boolean;
  /** By the body of an answer. */
  isPending(body: string): boolean;
}

const firstWaitMs = 250;
const longestWaitMs = 3_000;

/**
 * A `fetch` that answers a package's poll only when the job is done. Packages give a job up after a minute, which an
 * hour of audio exceeds, and sleep on after an abort; the limit here is the call's own, and the abort is heard at once.
 */
export function patientFetch(fetch: typeof globalThis.fetch, polling: Polling): typeof globalThis.fetch {
  return async (input, init) => {
    const { method, url } = new Request(input, { method: init?.method ?? 'GET' });
    if (!polling.isPoll(method, new URL(url).pathname)) return fetch(input, init);
    for (let waitMs = firstWaitMs; ; waitMs = Math.min(waitMs * 1.5, longestWaitMs)) {
      const response = await fetch(input, init);
      const body = await response.text();
      if (!polling.isPending(body)) {
        return new Response(body, { status: response.status, headers: response.headers });
      }
      await delay(waitMs, undefined, init?.signal ? { signal: init.signal } : {});
    }
  };
}

/** The `status` of a job, in a JSON body. */
export function jobStatus(body: string): unknown {
  try {
    return (JSON.parse(body) as { status?: unknown } | null)?.status;
  } catch {
    // No JSON: the package will say so.
    return undefined;
  }
}
