import { describe, expect, it } from '@jest/globals';
import type { AttemptFinished } from '#libs/contracts';
import { deadLetterOf, intakeOf } from './usage-intake.js';

const event: AttemptFinished = {
  v: 1,
  type: 'attempt.finished',
  attempt_id: 'req_1#1',
  request_id: 'req_1',
  organization_id: 'org_1',
  project_id: 'proj_1',
  key_id: 'key_1',
  witness: 'worker',
  endpoint: 'chat.completions',
  model: 'm',
  provider: 'p',
  upstream_model: 'u',
  upstream_request_id: null,
  upstream_status: 200,
  outcome: 'done',
  content_delivered: true,
  usage_source: 'provider',
  usage: { input: 1000, input_cached: 200, output: 500 },
  price: { input: '150000000', input_cached: '75000000', output: '600000000' },
  held: false,
  started_at: 1_700_000_000_000,
  first_byte_at: null,
  finished_at: 1_700_000_001_000,
  trace_id: null,
};

describe('intakeOf', () => {
  it('prices a usage with the price of the call', () => {
    expect(intakeOf(event)).toMatchObject({
      row: { attemptId: 'req_1#1', inputTokens: 1000n, reasoningTokens: 0n, chargeNanos: 465_000n, firstByteAt: null },
    });
  });

  it('charges nothing for an attempt without usage or price', () => {
    expect(intakeOf({ ...event, usage: {}, usage_source: 'none', price: {} })).toMatchObject({
      row: { chargeNanos: 0n },
    });
  });

  it('takes fields that a newer worker may add', () => {
    expect(intakeOf({ ...event, region: 'eu' })).toMatchObject({ row: { attemptId: 'req_1#1' } });
  });

  it.each([
    ['another version', { ...event, v: 2 }, 'v: invalid_value'],
    ['a negative quantity', { ...event, usage: { input: -1 } }, 'usage.input: too_small'],
    ['a fraction', { ...event, usage: { input: 1.5 } }, 'usage.input: invalid_type'],
    ['a unit that we cannot charge', { ...event, usage: { pages: 3 } }, 'usage'],
    ['a price that is a number', { ...event, price: { input: 1 } }, 'price.input: invalid_type'],
    ['usage of a unit without a price', { ...event, price: { input: '1' } }, 'price: the usage counts output'],
    ['nothing', null, 'event: invalid_type'],
  ])('refuses %s and says where', (_what, wrong, reason) => {
    const intake = intakeOf(wrong);
    expect('reason' in intake && intake.reason).toContain(reason);
  });

  it('never quotes a value in the reason', () => {
    const intake = intakeOf({ ...event, outcome: 'sk-modapi-secret', attempt_id: 'x'.repeat(200) });
    expect('reason' in intake && intake.reason).toBe('attempt_id: too_big; outcome: invalid_value');
  });
});

describe('deadLetterOf', () => {
  const usageEvent = { subject: 'usage.v1.attempt.finished', event: { v: 9 }, deliveries: 1 };

  it('is the same letter for the same event', () => {
    const again = deadLetterOf({ ...usageEvent, deliveries: 2 }, 'why');
    expect(again.id).toBe(deadLetterOf(usageEvent, 'why').id);
    expect(again.id).not.toBe(deadLetterOf({ ...usageEvent, event: { v: 8 } }, 'why').id);
  });

  it('keeps its reason printable and short', () => {
    const { reason } = deadLetterOf(usageEvent, `a\u0000b\n${'c'.repeat(5_000)}`);
    expect(reason).toMatch(/^a\?b\?c+$/);
    expect(reason).toHaveLength(1_000);
  });
});
