import { describe, expect, it } from '@jest/globals';
import type { Usage, WirePrice } from '#libs/contracts';
import { believedUsage, countedUsage, coversPrice } from './rerank-usage.js';

const ask = {
  ...{ query: 'what', documents: ['one text', 'another'] },
  ...{ topN: undefined, returnDocuments: undefined, others: [] },
};
/** 15 bytes of documents, and twice the query with what is around it. */
const mostInput = 15 + 2 * (4 + 256);

describe('usage of a reranker', () => {
  it.each<[Usage | undefined, Usage, boolean]>([
    [undefined, {}, false],
    [{ searches: 1, input: 12 }, { searches: 1, input: 12 }, false],
    [{ searches: 10, input: mostInput }, { searches: 10, input: mostInput }, false],
    [{ searches: 11, input: 12 }, { input: 12 }, true],
    [{ searches: 1e9 }, {}, true],
    [{ input: mostInput + 1, searches: 1 }, { searches: 1 }, true],
  ])('%j is believed as %j', (reported, usage, disbelieved) => {
    expect(believedUsage(reported, ask)).toEqual({ usage, disbelieved });
  });

  it.each<[WirePrice, Usage, Usage, string]>([
    [{ searches: '1' }, { input: 12 }, { input: 12, searches: 1 }, 'counted'],
    [{ input: '1' }, { searches: 2 }, { searches: 2, input: 5 }, 'counted'],
    [{ input: '1', searches: '1' }, { searches: 2 }, { searches: 2, input: 5 }, 'counted'],
    [{ input: '1', searches: '1' }, { input: 12, searches: 2 }, { input: 12, searches: 2 }, 'provider'],
    [{ input: '1' }, { input: 12, searches: 2 }, { input: 12, searches: 2 }, 'provider'],
  ])('at %j with %j reported is all that is known', async (price, reported, usage, source) => {
    const metered = coversPrice(reported, price)
      ? { usage: reported, source: 'provider' }
      : await countedUsage(reported, ask, price);
    expect(metered).toEqual({ usage, source });
  });
});
