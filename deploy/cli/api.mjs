// The management API over HTTP.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from './arguments.mjs';

/** What the gateway answered, for people. */
export class ApiError extends Error {}

/** A word of the command line as one segment of a path. */
export const idOf = (word) => encodeURIComponent(word);

function clientEnv(folder) {
  const file = join(folder, 'client.env');
  if (!existsSync(file)) return {};
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  return Object.fromEntries(lines.map((line) => /^([A-Z_]+)=(.*)$/.exec(line)?.slice(1) ?? ['', '']));
}

/** Where the gateway is and who asks: flags, then the environment, then the gateway of the data folder. */
export function connect(options) {
  const local = clientEnv(options['data-dir'] ?? '.modapi');
  const env = options['data-dir'] ? {} : process.env;
  const baseUrl = options['base-url'] ?? (env.OPENAI_BASE_URL || local.OPENAI_BASE_URL);
  // The key of the folder's gateway is for that gateway: nobody else shall be told it.
  const localKey = baseUrl === local.OPENAI_BASE_URL ? local.OPENAI_ADMIN_KEY : undefined;
  const adminKey = options['admin-key'] ?? (env.OPENAI_ADMIN_KEY || localKey);
  if (!baseUrl) {
    throw new UsageError(
      'no gateway: start one in this folder (npm start), or set OPENAI_BASE_URL and OPENAI_ADMIN_KEY (--base-url, --admin-key)',
    );
  }
  if (!adminKey) throw new UsageError(`no admin key for ${baseUrl}: set OPENAI_ADMIN_KEY (--admin-key)`);
  return new Api(baseUrl.replace(/\/+$/, ''), adminKey, options.organization);
}

class Api {
  #adminKey;

  constructor(baseUrl, adminKey, organization) {
    this.baseUrl = baseUrl;
    this.organization = organization;
    this.#adminKey = adminKey;
  }

  get(path, query) {
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query ?? {})) {
      for (const one of [value].flat()) if (one !== undefined) search.append(name, String(one));
    }
    return this.#send('GET', search.size > 0 ? `${path}?${search}` : path);
  }

  post(path, body) {
    return this.#send('POST', path, body ?? {});
  }

  delete(path) {
    return this.#send('DELETE', path);
  }

  /** All objects of a list, page by page. */
  async all(path, query = {}) {
    const items = [];
    for (let after; ;) {
      const page = await this.get(path, { limit: 100, ...query, after });
      items.push(...page.data);
      if (!page.has_more) return items;
      after = page.last_id;
    }
  }

  /** All buckets of a usage or cost report. */
  async buckets(path, query) {
    const buckets = [];
    for (let page; ;) {
      const answer = await this.get(path, { ...query, page });
      buckets.push(...answer.data);
      if (!answer.has_more) return buckets;
      page = answer.next_page;
    }
  }

  /** Status and body, without an error for a bad status: for the doctor. */
  async probe(path, withKey = true) {
    const response = await this.#fetch(path, {
      headers: withKey ? this.#headers() : {},
      signal: AbortSignal.timeout(10_000),
    });
    return { status: response.status, body: await response.json().catch(() => undefined) };
  }

  #headers() {
    return {
      authorization: `Bearer ${this.#adminKey}`,
      ...(this.organization && { 'openai-organization': this.organization }),
    };
  }

  async #send(method, path, body) {
    const response = await this.#fetch(path, {
      method,
      headers: { ...this.#headers(), ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(60_000),
    });
    const answer = await response.json().catch(() => undefined);
    const error = answer?.error;
    if (!response.ok && error?.message) {
      const requestId = response.headers.get('x-request-id');
      throw new ApiError(`${error.message} (${[error.code ?? response.status, requestId].filter(Boolean).join(', ')})`);
    }
    if (response.ok && typeof answer?.object === 'string') return answer;
    throw new ApiError(
      `${this.baseUrl} answers ${response.status}, but not as a ModAPI gateway does. Does the base URL end in /v1?`,
    );
  }

  /** A path that begins with `/` is one of the server, not of the API. */
  async #fetch(path, request) {
    try {
      return await fetch(path.startsWith('/') ? new URL(path, this.baseUrl) : `${this.baseUrl}/${path}`, request);
    } catch (error) {
      const reason = error.cause?.code ?? error.message;
      throw new ApiError(`${this.baseUrl} does not answer (${reason}). Is the gateway running?`);
    }
  }
}
