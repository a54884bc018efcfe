import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { RateLimitRule } from '#libs/contracts';
import { openPolicy, type PlayedCall } from '../testing/fake-bus.js';
import { goodBody } from '../testing/http-case.js';
import { startTestIngress, type TestIngress } from '../testing/test-ingress.js';

let ingress: TestIngress;
beforeAll(async () => {
  ingress = await startTestIngress();
});
afterAll(() => ingress.stop());
beforeEach(() => {
  ingress.bus.calls.length = 0;
  ingress.bus.play = (call) => call.answer({});
});

let rules = 0;
/** A fresh key under one limit. */
function keyUnder(change: Partial<RateLimitRule>): string {
  const none = { requestsPerMinute: null, tokensPerMinute: null, concurrency: null };
  const rule: RateLimitRule = { scope: 'key', id: `key_${++rules}`, model: null, ...none, ...change };
  ingress.bus.usualPolicy = { ...openPolicy, limits: [rule] };
  return ingress.addKey();
}

function chat(key: string, change: object = {}): Promise<Response> {
  return fetch(`${ingress.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ ...goodBody, max_tokens: 100, ...change }),
  });
}

async function refused(answer: Response): Promise<void> {
  expect(answer.status).toBe(429);
  expect(await answer.json()).toMatchObject({ error: { type: 'rate_limit_error', code: 'rate_limit_exceeded' } });
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  expect(answer.headers.get('x-should-retry')).toBeNull(); // SDKs retry a 429 by themselves
}

describe('a key under a limit', () => {
  it('may make so many requests a minute, and is told what is left', async () => {
    const key = keyUnder({ requestsPerMinute: 2 });
    const first = await chat(key);
    expect(first.status).toBe(200);
    expect(first.headers.get('x-ratelimit-limit-requests')).toBe('2');
    expect(first.headers.get('x-ratelimit-remaining-requests')).toBe('1');
    await chat(key);
    const third = await chat(key);
    await refused(third);
    expect(third.headers.get('x-ratelimit-remaining-requests')).toBe('0');
    expect(ingress.bus.calls).toHaveLength(2);
  });

  it('may use so many tokens a minute, by estimate', async () => {
    const key = keyUnder({ tokensPerMinute: 250 });
    const first = await chat(key);
    expect(Number(first.headers.get('x-ratelimit-remaining-tokens'))).toBeLessThan(150);
    expect(first.status).toBe(200);
    await refused(await chat(key, { max_tokens: 200 }));
  });

  it('gets back the tokens of what was refused before it started', async () => {
    const key = keyUnder({ tokensPerMinute: 300 });
    ingress.bus.usualPolicy = { ...ingress.bus.usualPolicy, needsHold: true };
    ingress.bus.billing.playAuthorize = () => ({ outcome: 'insufficient_quota' });
    for (let count = 0; count < 5; count++) expect(await codeOf(chat(key))).toBe('insufficient_quota');
    ingress.bus.billing.playAuthorize = () => ({ outcome: 'authorized' });
    expect((await chat(key)).status).toBe(200);
  });

  it('may have so many requests under way, whatever becomes of them', async () => {
    const key = keyUnder({ concurrency: 1 });
    const begun = Promise.withResolvers<PlayedCall>();
    ingress.bus.play = (call) => begun.resolve(call);
    const first = chat(key);
    const call = await begun.promise;
    await refused(await chat(key));
    call.answer({});
    expect((await first).status).toBe(200);
    await eventuallyOk(key);
    ingress.bus.play = () => undefined;
    const leaving = new AbortController();
    const left = fetch(`${ingress.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(goodBody),
      signal: leaving.signal,
    }).catch(() => undefined);
    while (ingress.bus.calls.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    leaving.abort();
    await left;
    await eventuallyOk(key);
  });

  it('of another model is not meant', async () => {
    const key = keyUnder({ requestsPerMinute: 1, model: 'another' });
    for (let count = 0; count < 3; count++) {
      const answer = await chat(key);
      expect([answer.status, answer.headers.get('x-ratelimit-limit-requests')]).toEqual([200, null]);
    }
  });
});

/** The slot comes back a moment after the answer. */
async function eventuallyOk(key: string): Promise<void> {
  ingress.bus.play = (call) => call.answer({});
  for (let tries = 0; tries < 100; tries++) {
    if ((await chat(key)).status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('the slot did not come back');
}

async function codeOf(answer: Promise<Response>): Promise<string> {
  return ((await (await answer).json()) as { error: { code: string } }).error.code;
}
