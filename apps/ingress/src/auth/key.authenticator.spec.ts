import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createSecretKey } from 'node:crypto';
import { type Caller, digestApiKey, generateApiKey, keyChangedSubject } from '#libs/contracts';
import { CallError } from '#libs/messaging';
import { callerOf, FakeBus, openPolicy } from '../testing/fake-bus.js';
import { KeyAuthenticator } from './key.authenticator.js';

const pepper = 'a-pepper-of-at-least-thirty-two-characters';
const pepperKey = createSecretKey(Buffer.from(pepper));
let bus: FakeBus;
let authenticator: KeyAuthenticator;
let now: number;

beforeEach(() => {
  now = 1_000_000;
  jest.spyOn(performance, 'now').mockImplementation(() => now);
  bus = new FakeBus();
  authenticator = new KeyAuthenticator(bus, pepper);
});
afterEach(() => void jest.restoreAllMocks());

function knownKey(): { key: string; caller: Caller; digest: string } {
  const key = generateApiKey('inference');
  const digest = digestApiKey(key, pepperKey);
  const caller = callerOf(key);
  bus.callers.set(digest, caller);
  return { key, caller, digest };
}

const authenticate = async (key: string): Promise<Caller> => (await authenticator.authenticate(key)).caller;
const refusal = async (key: string): Promise<unknown> =>
  authenticate(key).then(
    () => undefined,
    (error: { code: string }) => error.code,
  );
/** The cache's clock moves at most once a millisecond of real time. */
const pass = async (ms: number): Promise<void> => {
  now += ms;
  await new Promise((resolve) => setTimeout(resolve, 3));
};

describe('KeyAuthenticator', () => {
  it('looks a key up once for 30 s, then again', async () => {
    const { key, caller } = knownKey();
    expect(await authenticate(key)).toEqual(caller);
    expect(authenticator.authenticate(key)).toEqual({ caller, policy: openPolicy }); // not a promise: at once
    await pass(29_000);
    await authenticate(key);
    expect(bus.lookups).toBe(1);
    await pass(2_000);
    expect(await authenticate(key)).toEqual(caller);
    expect(bus.lookups).toBe(2);
  });

  it('joins look-ups of one key that are under way', async () => {
    const { key, caller } = knownKey();
    expect(await Promise.all(Array.from({ length: 50 }, () => authenticate(key)))).toEqual(Array(50).fill(caller));
    expect(bus.lookups).toBe(1);
  });

  it('never shares an identity between keys with a common beginning', async () => {
    const { key, caller } = knownKey();
    await authenticate(key);
    for (let shared = 20; shared < key.length; shared++) {
      const other = generateApiKey('inference');
      expect(await refusal(key.slice(0, shared) + other.slice(shared))).toBe('invalid_api_key');
    }
    expect(await authenticate(key)).toEqual(caller);
  });

  it('refuses a malformed key without a look-up, and asks for an unknown one once in 5 s', async () => {
    expect(await refusal('sk-modapi-nonsense')).toBe('invalid_api_key');
    expect(bus.lookups).toBe(0);
    const key = generateApiKey('inference');
    expect(await refusal(key)).toBe('invalid_api_key');
    expect(await refusal(key)).toBe('invalid_api_key');
    expect(bus.lookups).toBe(1);
    await pass(6_000);
    await refusal(key);
    expect(bus.lookups).toBe(2);
  });

  it('lets a flood of unknown keys evict no known one', async () => {
    const { key } = knownKey();
    await authenticate(key);
    for (let count = 0; count < 10_100; count++) await refusal(generateApiKey('inference'));
    const { lookups } = bus;
    await authenticate(key);
    expect(bus.lookups).toBe(lookups);
  });

  it('forgets a changed key at once, and a look-up that was under way is not remembered', async () => {
    const { key, caller, digest } = knownKey();
    await authenticate(key);
    bus.callers.delete(digest);
    bus.broadcast(keyChangedSubject, { keyId: 'key_of_another' });
    expect(await authenticate(key)).toEqual(caller);
    bus.broadcast(keyChangedSubject, { keyId: caller.keyId });
    expect(await refusal(key)).toBe('invalid_api_key');

    const other = knownKey();
    const underWay = authenticate(other.key);
    bus.callers.delete(other.digest);
    bus.playLookup = (_digest, sink) => sink.onEnd({ caller: other.caller, policy: openPolicy, refusal: null }); // answered before the change
    bus.broadcast(keyChangedSubject, {});
    await underWay;
    bus.playLookup = (_digest, sink) => sink.onEnd({ caller: null, policy: null, refusal: null });
    expect(await refusal(other.key)).toBe('invalid_api_key');
  });

  it('tells a revoked key nothing, a disabled organization that it is', async () => {
    const { key, digest } = knownKey();
    bus.refusals.set(digest, 'revoked');
    expect(await refusal(key)).toBe('invalid_api_key');
    const other = knownKey();
    bus.refusals.set(other.digest, 'organization_disabled');
    expect(await refusal(other.key)).toBe('organization_disabled');
  });

  it('fails closed with 503 when nobody answers, but a known key stays good for a minute', async () => {
    const [known, fresh] = [knownKey(), knownKey()];
    await authenticate(known.key);
    bus.playLookup = (_digest, sink) => sink.onError(new CallError('no_responders', 'nobody'));
    expect(await refusal(fresh.key)).toBe('ledger_unavailable');
    await pass(31_000);
    expect(await authenticate(known.key)).toEqual(known.caller);
    await pass(30_000);
    expect(await refusal(known.key)).toBe('ledger_unavailable');
  });

  it('never takes an answer that is no answer', async () => {
    const { key } = knownKey();
    bus.playLookup = (_digest, sink) => sink.onEnd({ caller: { keyId: 'key_1' } });
    expect(await refusal(key)).toBe('ledger_unavailable');
    bus.playLookup = (_digest, sink) => sink.onEnd(undefined);
    expect(await refusal(key)).toBe('ledger_unavailable');
  });

  it('sends the digest of a key and never the key', async () => {
    const { key, digest } = knownKey();
    let head: unknown;
    const call = bus.call.bind(bus);
    bus.call = (request, sink) => {
      ({ head } = request);
      return call(request, sink);
    };
    await authenticate(key);
    expect(head).toEqual({ digest });
  });
});
