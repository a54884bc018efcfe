import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { JsonObject } from './json.js';
import { type RunningSandbox, startSandbox } from './start-sandbox.js';

interface LogLine {
  event: 'started' | 'ended';
  call_id: string;
  model: string;
  request_id: string | null;
  attempt_id: string | null;
  status?: number;
  outcome?: string;
  usage?: { prompt_tokens: number; completion_tokens: number; total_tokens: number } | null;
}

let folder: string;
let callLog: string;
let sandbox: RunningSandbox;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sandbox-'));
  callLog = join(folder, 'calls.jsonl');
  sandbox = await startSandbox({ callLog, chunkDelayMs: 1 });
});

afterAll(async () => {
  await sandbox.close();
  await rm(folder, { recursive: true });
});

interface PostOptions {
  headers?: Record<string, string>;
  path?: string;
  signal?: AbortSignal;
}

function post(
  body: JsonObject | string,
  { headers = {}, path = '/v1/chat/completions', signal }: PostOptions = {},
): Promise<Response> {
  const text =
    typeof body === 'string'
      ? body
      : JSON.stringify({ messages: [{ role: 'user', content: 'Explain rivers' }], ...body });
  return fetch(sandbox.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: text,
    ...(signal && { signal }),
  });
}

function logOf(callId: string | null): LogLine[] {
  const lines = readFileSync(callLog, 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as LogLine).filter((line) => line.call_id === callId);
}

async function endOf(callId: string | null): Promise<LogLine> {
  for (let tries = 0; tries < 200; tries++) {
    const ended = logOf(callId).find((line) => line.event === 'ended');
    if (ended !== undefined) return ended;
    await sleep(10);
  }
  throw new Error(`call ${callId} never ended`);
}

/** The pieces in which a body arrives, and the error it ends in, if any. */
async function pieces(response: Response): Promise<{ pieces: Uint8Array[]; error: unknown; text: string }> {
  const list: Uint8Array[] = [];
  let error: unknown;
  try {
    for await (const piece of response.body ?? []) list.push(piece);
  } catch (failure) {
    error = failure;
  }
  return { pieces: list, error, text: Buffer.concat(list).toString() };
}

const events = (text: string): string[] => text.split('\n\n').filter((event) => event !== '');

describe('the server', () => {
  it('answers and streams the same text', async () => {
    const whole = (await (await post({ model: 'sandbox/chat' })).json()) as {
      choices: [{ message: { content: string } }];
    };
    const { text } = await pieces(await post({ model: 'sandbox/chat', stream: true }));
    const list = events(text);
    expect(list.at(-1)).toBe('data: [DONE]');
    const deltas = list
      .slice(0, -1)
      .map((event) => JSON.parse(event.slice(6)) as { id: string; choices: [{ delta: { content?: string } }] });
    expect(deltas.map((chunk) => chunk.choices[0].delta.content ?? '').join('')).toBe(whole.choices[0].message.content);
    expect(new Set(deltas.map((chunk) => chunk.id)).size).toBe(1);
  });

  it('repeats itself under new ids', async () => {
    const [one, two] = await Promise.all(
      [0, 1].map(async () => (await (await post({ model: 'fast' })).json()) as JsonObject),
    );
    expect(one?.id).not.toBe(two?.id);
    expect(one?.choices).toEqual(two?.choices);
    expect(one?.model).toBe('fast');
  });

  it('sends a paced stream in several pieces', async () => {
    const { pieces: list } = await pieces(await post({ model: 'chat', stream: true }));
    expect(list.length).toBeGreaterThan(5);
  });

  it('says what it is in its headers', async () => {
    const response = await post({ model: 'fast', stream: true });
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(response.headers.get('x-request-id')).toMatch(/^req_[0-9a-f]{24}$/);
    expect(response.headers.get('content-length')).toBeNull();
    await response.body?.cancel();
  });

  it('does not know other models, in the words of OpenAI', async () => {
    const response = await post({ model: 'gpt-9' });
    expect(response.status).toBe(404);
    expect(await response.json()).toEqual({
      error: {
        message: 'The model `gpt-9` does not exist or you do not have access to it.',
        type: 'invalid_request_error',
        param: 'model',
        code: 'model_not_found',
      },
    });
  });

  it('lists its models and shows each, also under an encoded id', async () => {
    const list = (await (await fetch(`${sandbox.url}/v1/models`)).json()) as { data: { id: string }[] };
    expect(list.data.map((model) => model.id)).toContain('sandbox/hang');
    const shown = await fetch(`${sandbox.url}/v1/models/sandbox%2Fchat`);
    expect(await shown.json()).toMatchObject({ id: 'sandbox/chat', object: 'model' });
    expect((await fetch(`${sandbox.url}/v1/models/nope`)).status).toBe(404);
  });

  it('refuses what is not a JSON request', async () => {
    expect((await post('{"model":')).status).toBe(400);
    expect((await post('[]')).status).toBe(400);
    expect((await post('{}')).status).toBe(400);
    expect((await post({ model: 'fast' }, { headers: { 'content-type': 'text/plain' } })).status).toBe(415);
    expect((await post({ model: 'fast' }, { headers: { 'content-encoding': 'gzip' } })).status).toBe(415);
    expect((await fetch(`${sandbox.url}/v1/chat/completions`)).status).toBe(405);
    const unknown = await post({}, { path: '/v1/nope' });
    expect(unknown.status).toBe(404);
    expect(await unknown.json()).toMatchObject({
      error: { message: 'Invalid URL (POST /v1/nope)', code: 'unknown_url' },
    });
  });

  it('refuses a body above 64 MB and a context that is too long', async () => {
    const tooLarge = await post('x'.repeat(64 * 1024 * 1024 + 1));
    expect(tooLarge.status).toBe(413);
    await tooLarge.text();
    const long = { messages: [{ role: 'user', content: 'word '.repeat(600_000) }] };
    expect(await (await post({ model: 'chat', ...long })).json()).toMatchObject({
      error: { code: 'context_length_exceeded' },
    });
    expect((await post({ model: 'fast', ...long })).status).toBe(200);
    expect(await (await post({ model: 'chat', max_tokens: 20_000 })).json()).toMatchObject({
      error: { param: 'max_tokens' },
    });
  });

  it('keeps a connection for the next call', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ports: (number | undefined)[] = [];
    for (let call = 0; call < 3; call++) {
      await new Promise<void>((resolve, reject) => {
        httpRequest(`${sandbox.url}/v1/models/nope`, { agent }, (response) => {
          ports.push(response.socket.localPort);
          response.resume().on('end', resolve);
        })
          .on('error', reject)
          .end();
      });
    }
    agent.destroy();
    expect(new Set(ports).size).toBe(1);
  });
});

describe('the call log', () => {
  it('has the usage of an answered call before the client has it', async () => {
    const response = await post(
      { model: 'chat' },
      { headers: { 'x-request-id': 'req_outer', 'x-modapi-attempt-id': 'req_outer#1' } },
    );
    const body = (await response.json()) as JsonObject;
    expect(logOf(response.headers.get('x-request-id'))).toMatchObject([
      { event: 'started', model: 'chat', request_id: 'req_outer', attempt_id: 'req_outer#1' },
      { event: 'ended', status: 200, outcome: 'finished', usage: body.usage },
    ]);
  });

  it('tells of a client that left, and what was generated until then', async () => {
    const whole = (await (await post({ model: 'slow-stream' })).json()) as { usage: { completion_tokens: number } };
    const abort = new AbortController();
    const response = await post({ model: 'slow-stream', stream: true }, { signal: abort.signal });
    const reader = response.body?.getReader();
    await reader?.read();
    await reader?.read();
    abort.abort();
    const ended = await endOf(response.headers.get('x-request-id'));
    expect(ended.outcome).toBe('aborted');
    expect(ended.usage?.completion_tokens).toBeLessThan(whole.usage.completion_tokens);
    expect(ended.usage?.total_tokens).toBe((ended.usage?.prompt_tokens ?? 0) + (ended.usage?.completion_tokens ?? 0));
  });

  it('has calls that were refused', async () => {
    const response = await post({ model: 'error-503' });
    expect(logOf(response.headers.get('x-request-id'))[1]).toMatchObject({
      status: 503,
      outcome: 'finished',
      usage: null,
    });
  });
});

describe('faults', () => {
  it.each([400, 401, 402, 403, 404, 413, 422, 429, 500, 503, 529])('sandbox/error-%i', async (status) => {
    for (const stream of [false, true]) {
      const response = await post({ model: `sandbox/error-${status}`, stream });
      expect(response.status).toBe(status);
      expect(response.headers.get('content-type')).toBe('application/json');
      const { error } = (await response.json()) as { error: JsonObject };
      expect(Object.keys(error).toSorted()).toEqual(['code', 'message', 'param', 'type']);
    }
  });

  it('error-429 says when to come back', async () => {
    expect((await post({ model: 'error-429' })).headers.get('retry-after')).toBe('1');
    const asked = await post({ model: 'error-429' }, { path: '/v1/chat/completions?retry_after=7' });
    expect(asked.headers.get('retry-after')).toBe('7');
  });

  it('error-quota, error-502, html and empty', async () => {
    expect((await post({ model: 'error-quota' })).headers.get('x-should-retry')).toBe('false');
    for (const [model, status] of [
      ['error-502', 502],
      ['html', 200],
    ] as const) {
      const response = await post({ model, stream: true });
      expect(response.status).toBe(status);
      expect(response.headers.get('content-type')).toMatch(/^text\/html/);
      expect(await response.text()).toContain('<h1>');
    }
    const empty = await post({ model: 'empty' });
    expect([empty.status, await empty.text()]).toEqual([200, '']);
  });

  it('slow: the first byte is late', async () => {
    const started = performance.now();
    expect((await post({ model: 'slow', max_tokens: 1 })).status).toBe(200);
    expect(performance.now() - started).toBeGreaterThan(1_900);
  });

  it('slow-stream: 200 ms between two chunks', async () => {
    const started = performance.now();
    const { text } = await pieces(await post({ model: 'slow-stream', stream: true, max_tokens: 2 }));
    expect(performance.now() - started).toBeGreaterThan(200 * (events(text).length - 1) * 0.9);
  });

  it('truncate: half of it, without [DONE]', async () => {
    const { text, error } = await pieces(await post({ model: 'truncate', stream: true }));
    expect(error).toBeUndefined();
    expect(events(text).length).toBeGreaterThan(5);
    expect(text).not.toContain('[DONE]');
    const response = await post({ model: 'truncate' });
    expect(JSON.stringify(logOf(response.headers.get('x-request-id')))).toContain('"broken"');
    await expect(response.json()).rejects.toThrow(/JSON/);
  });

  it('reset: half of it, then the socket is gone', async () => {
    for (const stream of [false, true]) {
      const { text, error } = await pieces(await post({ model: 'reset', stream }));
      expect(text.length).toBeGreaterThan(50);
      expect(error).toMatchObject({ name: 'TypeError' });
    }
  });

  it('stall and hang: silence until the client leaves', async () => {
    for (const model of ['stall', 'hang']) {
      const abort = new AbortController();
      const headers = { 'x-request-id': `silent-${model}` };
      const reading = post({ model, stream: true }, { signal: abort.signal, headers }).then(pieces);
      const outcome = await Promise.race([
        reading.then(
          () => 'ended',
          () => 'failed',
        ),
        sleep(500).then(() => 'silent'),
      ]);
      expect([model, outcome]).toEqual([model, 'silent']);
      abort.abort();
      await reading.catch(() => undefined);
      const started = readFileSync(callLog, 'utf8')
        .split('\n')
        .find((line) => line.includes(`"silent-${model}"`));
      const { call_id: callId } = JSON.parse(started ?? '{}') as LogLine;
      expect((await endOf(callId)).outcome).toBe('aborted');
    }
  });

  it('garble: one event is not JSON', async () => {
    const { text } = await pieces(await post({ model: 'garble', stream: true }));
    const bad = events(text)
      .slice(0, -1)
      .filter((event) => {
        try {
          JSON.parse(event.slice(6));
          return false;
        } catch {
          return true;
        }
      });
    expect(bad).toHaveLength(1);
    await expect((await post({ model: 'garble' })).json()).rejects.toThrow(/JSON/);
  });

  it('error-in-stream: an error event is the last one', async () => {
    const { text } = await pieces(await post({ model: 'error-in-stream', stream: true }));
    expect(JSON.parse(events(text).at(-1)?.slice(6) ?? '')).toMatchObject({ error: { type: 'server_error' } });
    const complete = await post({ model: 'error-in-stream' });
    expect([complete.status, Object.keys((await complete.json()) as JsonObject)]).toEqual([200, ['error']]);
  });

  it('no-usage: none, whatever was asked', async () => {
    const { text } = await pieces(
      await post({ model: 'no-usage', stream: true, stream_options: { include_usage: true } }),
    );
    expect(text).not.toContain('"usage"');
    expect(await (await post({ model: 'no-usage' })).json()).not.toHaveProperty('usage');
  });

  it('flaky: every second call fails', async () => {
    const statuses: number[] = [];
    for (let call = 0; call < 4; call++) statuses.push((await post({ model: 'flaky', max_tokens: 1 })).status);
    expect(statuses).toEqual([200, 500, 200, 500]);
  });

  it('crlf: the same events in another dress', async () => {
    const { text } = await pieces(await post({ model: 'crlf', stream: true }));
    expect(text.replaceAll('\r\n', '')).not.toContain('\n');
    expect(text).toContain(': keep-alive');
    const data = text
      .split('\r\n')
      .filter((line) => line.startsWith('data:'))
      .map((line) => line.slice(5).trimStart());
    expect(data.at(-1)).toBe('[DONE]');
    expect(data.slice(0, -1).every((json) => typeof JSON.parse(json) === 'object')).toBe(true);
  });

  it('split-utf8: packets end inside characters, the whole is right', async () => {
    const { pieces: list, text } = await pieces(await post({ model: 'split-utf8', stream: true }));
    const broken = list.filter((piece) => !isUtf8(piece));
    expect(broken.length).toBeGreaterThan(5);
    expect(text).toContain('砂場');
    expect(events(text).at(-1)).toBe('data: [DONE]');
  });
});

function isUtf8(piece: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(piece);
    return true;
  } catch {
    return false;
  }
}

describe('close', () => {
  it('ends calls that hang', async () => {
    const other = await startSandbox();
    const call = fetch(`${other.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'hang', messages: [{ role: 'user', content: 'hi' }] }),
    });
    const failed = call.then(
      () => undefined,
      (error: unknown) => error,
    );
    await sleep(100);
    await Promise.all([other.close(), other.close()]);
    expect(await failed).toMatchObject({ name: 'TypeError' });
  });

  it('says so when the port is taken', async () => {
    await expect(startSandbox({ port: Number(new URL(sandbox.url).port) })).rejects.toThrow(/EADDRINUSE/);
  });
});
