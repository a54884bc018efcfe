import type { KeyPolicy } from '#libs/contracts';
import { openPolicy } from './fake-bus.js';
import type { HttpCase } from './http-case.js';
import type { TestIngress } from './test-ingress.js';

/** A fresh key that may do less than others. */
const limited = (change: Partial<KeyPolicy>) => ({
  headers: (ingress: TestIngress) => {
    ingress.bus.usualPolicy = { ...openPolicy, ...change };
    return { authorization: `Bearer ${ingress.addKey()}`, 'x-forwarded-for': '203.0.113.7' };
  },
});

/** What a good key may not do. */
export const policyCases: readonly HttpCase[] = [
  {
    row: 11,
    what: 'another model',
    ...limited({ models: ['openai/*', 'other'] }),
    status: 403,
    code: 'model_not_allowed',
    param: 'model',
  },
  {
    row: 11,
    what: 'no model at all',
    ...limited({ models: [] }),
    status: 403,
    code: 'model_not_allowed',
    param: 'model',
  },
  {
    row: 13,
    what: 'another address; X-Forwarded-For of a hop that is not trusted means nothing',
    ...limited({ ipAllowList: ['203.0.113.0/24'] }),
    status: 403,
    code: 'ip_not_allowed',
  },
  { row: 13, what: 'an empty list', ...limited({ ipAllowList: [] }), status: 403, code: 'ip_not_allowed' },
];
