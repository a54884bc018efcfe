import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import type { KeyPolicy } from '#libs/contracts';
import { openPolicy } from '../testing/fake-bus.js';
import { clientAddress } from './client-address.js';
import { addressList, assertAddressAllowed, isModelAllowed } from './key-policy.js';

const refusal = (policy: KeyPolicy, address: string): unknown => {
  try {
    assertAddressAllowed(policy, address);
    return undefined;
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe('the address list of a key', () => {
  const policy = { ...openPolicy, ipAllowList: ['10.1.0.0/16', '192.0.2.7', '2001:db8::/32'] };
  it.each(['10.1.2.3', '::ffff:10.1.2.3', '192.0.2.7', '2001:db8::1'])('lets %s in', (address) =>
    expect(refusal(policy, address)).toBeUndefined(),
  );
  it.each(['10.2.0.1', '192.0.2.8', '2001:db9::1', '', 'nonsense', '10.1.2.3, 1.2.3.4'])('refuses %j', (address) =>
    expect(refusal(policy, address)).toBe('ip_not_allowed'),
  );
  it('is no limit when there is none, and total when it is empty', () => {
    expect(refusal(openPolicy, '8.8.8.8')).toBeUndefined();
    expect(refusal({ ...openPolicy, ipAllowList: [] }, '127.0.0.1')).toBe('ip_not_allowed');
  });
});

describe('clientAddress', () => {
  const from = (remoteAddress: string, forwarded?: string): IncomingMessage =>
    ({
      socket: { remoteAddress },
      headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
    }) as unknown as IncomingMessage;
  const trusted = addressList(['10.0.0.0/8']);

  it('is the socket, whatever the headers say, when no proxy is trusted', () => {
    expect(clientAddress(from('10.0.0.1', '1.2.3.4'), undefined)).toBe('10.0.0.1');
  });
  it('is the socket when that is no trusted proxy', () => {
    expect(clientAddress(from('203.0.113.9', '1.2.3.4'), trusted)).toBe('203.0.113.9');
  });
  it('is what the nearest trusted proxy saw, not what the caller claims', () => {
    expect(clientAddress(from('10.0.0.1', '1.2.3.4, 203.0.113.9'), trusted)).toBe('203.0.113.9');
    expect(clientAddress(from('10.0.0.1', '1.2.3.4, 203.0.113.9, 10.0.0.2'), trusted)).toBe('203.0.113.9');
  });
  it('is the proxy when that says nothing', () => {
    expect(clientAddress(from('10.0.0.1'), trusted)).toBe('10.0.0.1');
  });
});

describe('the model list of a key', () => {
  const policy = { ...openPolicy, models: ['sandbox/chat', 'openai/*'] };
  it.each([
    ['sandbox/chat', true],
    ['openai/gpt-4o', true],
    ['sandbox/chat2', false],
    ['openai', false],
  ])('decides %s', (model, allowed) => expect(isModelAllowed(policy, model)).toBe(allowed));
  it('is no limit when there is none', () => expect(isModelAllowed(openPolicy, 'anything')).toBe(true));
});
