import { describe, expect, it } from '@jest/globals';
import type { Usage } from '#libs/contracts';
import { attemptLost, type LostAttempt } from './lost-attempt.js';

const head = {
  requestId: 'req_1',
  endpoint: 'audio.speech',
  model: 'voice',
  caller: { keyId: 'key_1', organizationId: 'org_1', projectId: 'proj_1' },
  hold: null,
} as LostAttempt['head'];
/** Spoken text, counted in every unit that it may be charged by. */
const estimate: Usage = { characters: 30, input: 8, output_audio: 42 };

function lost(price: Record<string, string>, bytes: number) {
  const event = attemptLost({
    head,
    running: { body: Buffer.alloc(0), estimate: () => estimate },
    model: { contextTokens: null, maxOutputTokens: null },
    note: { attemptId: 'req_1#1', provider: 'acme', upstreamModel: 'v', price, startedAt: 1 },
    delivered: { events: 0, bytes, firstByteAt: null },
    traceId: null,
  });
  const { usage, measured, usage_source: source } = event;
  return { usage, measured, source };
}

describe('an attempt whose worker vanished', () => {
  it('is charged by the units of its price, and tells the others as measured', () => {
    expect(lost({ characters: '15000' }, 9)).toEqual({
      usage: { characters: 30 },
      measured: { input: 8, output_audio: 42 },
      source: 'estimated',
    });
    expect(lost({ input: '600', output_audio: '12000' }, 9)).toEqual({
      usage: { input: 8, output_audio: 42 },
      measured: { characters: 30 },
      source: 'estimated',
    });
  });

  it('is not charged, nor measured, when nothing came of it', () => {
    expect(lost({ characters: '15000' }, 0)).toEqual({ usage: {}, measured: undefined, source: 'none' });
  });
});
