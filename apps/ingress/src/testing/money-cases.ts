import type { AuthorizeResult } from '#libs/contracts';
import { CallError } from '#libs/messaging';
import { openPolicy } from './fake-bus.js';
import type { HttpCase } from './http-case.js';
import type { TestIngress } from './test-ingress.js';

const key = (value: string) => ({ headers: { 'idempotency-key': value } });
const badKey = { status: 400, code: 'invalid_idempotency_key' } as const;

/** A fresh key of an organization that must hold money first, and the ledger's word about its next request. */
function held(ingress: TestIngress, says: AuthorizeResult | CallError): Record<string, string> {
  ingress.bus.billing.playAuthorize = () => says;
  ingress.bus.usualPolicy = { ...openPolicy, needsHold: true };
  return { authorization: `Bearer ${ingress.addKey()}` };
}

const ledger = (says: AuthorizeResult | CallError) => ({ headers: (ingress: TestIngress) => held(ingress, says) });
/** Of an organization that needs no hold: the key alone makes it ask the ledger. */
const claimed = (says: AuthorizeResult) => ({
  headers: (ingress: TestIngress) => {
    ingress.bus.billing.playAuthorize = () => says;
    return { 'idempotency-key': 'a-key' };
  },
});

/** Requests that the ledger, or their Idempotency-Key, keeps from being started. */
export const moneyCases: readonly HttpCase[] = [
  { row: 44, what: 'empty', ...key(''), ...badKey },
  { row: 44, what: 'white space', ...key(' '), ...badKey },
  { row: 44, what: '256 characters', ...key('k'.repeat(256)), ...badKey },
  { row: 44, what: 'a tab', ...key('a\tb'), ...badKey },
  { row: 44, what: 'not ASCII', ...key('\u00e9'), ...badKey },
  {
    row: 45,
    what: 'another body',
    ...claimed({ outcome: 'idempotency_key_reused' }),
    status: 422,
    code: 'idempotency_key_reused',
  },
  {
    row: 46,
    what: 'in flight',
    ...claimed({ outcome: 'idempotency_in_progress' }),
    status: 409,
    code: 'idempotency_in_progress',
    answer: { 'retry-after': '1' },
  },
  {
    row: 46,
    what: 'answer not kept',
    ...claimed({ outcome: 'idempotency_result_not_stored' }),
    status: 409,
    code: 'idempotency_result_not_stored',
    answer: { 'x-should-retry': 'false' },
  },
  {
    row: 99,
    what: 'no credit',
    ...ledger({ outcome: 'insufficient_quota' }),
    status: 429,
    code: 'insufficient_quota',
    answer: { 'x-should-retry': 'false' },
  },
  ...(['key', 'project', 'organization'] as const).map((scope): HttpCase => ({
    row: 100,
    what: `budget of the ${scope}`,
    ...ledger({ outcome: 'budget_exceeded', scope }),
    status: 429,
    code: 'budget_exceeded',
    answer: { 'x-should-retry': 'false', 'x-modapi-budget-scope': scope },
  })),
  {
    row: 102,
    what: 'nobody keeps the ledger',
    ...ledger(new CallError('no_responders', 'nobody serves it')),
    status: 503,
    code: 'ledger_unavailable',
    answer: { 'retry-after': '2' },
  },
];
