import { describe, expect, it } from '@jest/globals';
import { createApiKeyBody } from './api-keys.js';

const accepts = (field: string, value: unknown): boolean =>
  createApiKeyBody.safeParse({ name: 'k', [field]: value }).success;

describe('an address list', () => {
  it.each(['10.0.0.1', '10.0.0.0/8', '0.0.0.0/0', '::1', '2001:db8::/32', '::ffff:10.0.0.1', '::/0', '10.1.2.3/32'])(
    'may have %s',
    (range) => expect(accepts('ip_allow_list', [range])).toBe(true),
  );

  it.each([
    ...['', '10.0.0', '10.0.0.256', '010.0.0.1', '10.0.0.0/33', '10.0.0.0/-1', '10.0.0.0/08', '10.0.0.0/', '/8'],
    ...['::1/129', 'fe80::1%eth0', 'fe80::%eth0/64', '10.0.0.0/8/8', ' 10.0.0.1', '10.0.0.0/8 ', 'localhost', '*'],
  ])('has no %j', (range) => expect(accepts('ip_allow_list', [range])).toBe(false));

  it('has 1 to 100 entries', () => {
    expect(accepts('ip_allow_list', [])).toBe(false);
    expect(accepts('ip_allow_list', Array(100).fill('::1'))).toBe(true);
    expect(accepts('ip_allow_list', Array(101).fill('::1'))).toBe(false);
  });
});

describe('a model list', () => {
  it.each(['gpt-4o', 'openai/*', 'a:b@c+d', `${'m'.repeat(200)}*`])('may have %s', (model) =>
    expect(accepts('models', [model])).toBe(true),
  );

  it.each(['', '*', 'a*b', 'a**', 'a b', 'ä', 'm'.repeat(201), 'a\n'])('has no %j', (model) =>
    expect(accepts('models', [model])).toBe(false),
  );

  it('has 1 to 200 entries', () => {
    expect(accepts('models', [])).toBe(false);
    expect(accepts('models', Array(200).fill('m'))).toBe(true);
    expect(accepts('models', Array(201).fill('m'))).toBe(false);
  });
});
