import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

export const eventStream = 'text/event-stream; charset=utf-8';

/** How an answer travels: what is sent, at what pace, and how it ends. Faults bend it. */
export interface Delivery {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly parts: readonly (string | Uint8Array)[];
  /** The generated text in each part; shorter than `parts` where the rest carries none. */
  readonly texts: readonly string[];
  readonly firstPartDelayMs: number;
  /** 0: all parts in one write. */
  readonly partDelayMs: number;
  readonly ending: Ending;
  /** What the call log says of a call that was sent as planned. */
  readonly outcome: 'finished' | 'broken';
}

/** `end`: as HTTP wants it. `destroy`: the socket is destroyed. `silence`: nothing more comes and nothing closes. */
export type Ending = 'end' | 'destroy' | 'silence';

export interface DeliveryObserver {
  /** Before the last bytes are handed to the socket: who has the whole answer finds it in the log. */
  beforeEnd(): void;
  /** How many parts were handed to the socket. */
  sent(parts: number): void;
}

/** Sends a delivery. Ends early, without an error, when the client has gone (`signal`). */
export async function deliver(
  delivery: Delivery,
  response: ServerResponse,
  observer: DeliveryObserver,
  signal: AbortSignal,
): Promise<void> {
  try {
    if (delivery.firstPartDelayMs > 0) await sleep(delivery.firstPartDelayMs, undefined, { signal });
    if (delivery.partDelayMs === 0 && delivery.ending === 'end') {
      sendAtOnce(delivery, response, observer);
      return;
    }
    response.writeHead(delivery.status, delivery.headers);
    await sendPaced(delivery, response, observer, signal);
  } catch (error) {
    if (signal.aborted) return;
    throw error;
  }
}

function sendAtOnce(delivery: Delivery, response: ServerResponse, observer: DeliveryObserver): void {
  const body = joined(delivery.parts);
  observer.sent(delivery.parts.length);
  observer.beforeEnd();
  // No known server announces the length of an event stream.
  const isStream = delivery.headers['content-type'] === eventStream;
  const length = isStream ? {} : { 'content-length': Buffer.byteLength(body) };
  response.writeHead(delivery.status, { ...delivery.headers, ...length });
  response.end(body);
}

function joined(parts: Delivery['parts']): string | Uint8Array {
  if (parts.every((part) => typeof part === 'string')) return parts.join('');
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
}

async function sendPaced(
  delivery: Delivery,
  response: ServerResponse,
  observer: DeliveryObserver,
  signal: AbortSignal,
): Promise<void> {
  const last = delivery.parts.length - 1;
  for (const [index, part] of delivery.parts.entries()) {
    if (index > 0 && delivery.partDelayMs > 0) await sleep(delivery.partDelayMs, undefined, { signal });
    observer.sent(index + 1);
    if (index === last && delivery.ending === 'end') {
      observer.beforeEnd();
      response.end(part);
      return;
    }
    // A client that reads slowly slows the model down: nothing piles up here.
    if (!response.write(part)) await once(response, 'drain', { signal });
  }
  await finish(delivery.ending, response, signal);
}

async function finish(ending: Ending, response: ServerResponse, signal: AbortSignal): Promise<void> {
  if (ending === 'end') response.end();
  if (ending === 'destroy') {
    // What was written must reach the client before the socket dies, or nothing was "half-way".
    await sleep(5, undefined, { signal });
    response.destroy();
  }
  if (ending === 'silence') await once(response, 'close', { signal });
}
