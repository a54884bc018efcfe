import { describe, expect, it } from '@jest/globals';
import { BodyBudget } from './body-budget.js';
import { doorLimits } from './limits.js';
import { PieceList } from './piece-list.js';

const budget = () => new BodyBudget({ ...doorLimits, heldBodyBytes: 10_000, countedBodyBytes: 1_000 });

describe('the budget of bodies', () => {
  it('counts what has arrived, of large bodies only', () => {
    const bodies = budget();
    const [first, second, small] = [bodies.share(), bodies.share(), bodies.share()];
    expect([first.hold(6_000), second.hold(4_001), second.hold(4_000)]).toEqual([true, false, true]);
    expect([small.hold(1_000), small.hold(1_001)]).toEqual([true, false]);
    expect([first.hold(5_000), second.hold(5_000), second.hold(5_001)]).toEqual([true, true, false]);
  });

  it('gets everything back once, and a released body holds nothing more', () => {
    const bodies = budget();
    const first = bodies.share();
    expect(first.hold(10_000)).toBe(true);
    first.release();
    first.release();
    expect(first.hold(2_000)).toBe(false);
    const next = bodies.share();
    expect([next.hold(10_001), next.hold(10_000)]).toEqual([false, true]);
  });

  it('counts what tiny pieces cost, until they are one', () => {
    const bodies = budget();
    const pieces = new PieceList(1_000_000, bodies.share());
    let added = 0;
    while (!pieces.add(Buffer.alloc(100)) && added < 1_000) added++;
    expect(added).toBeLessThan(50);
    const joined = new PieceList(1_000_000, budget().share());
    for (let index = 0; index < 20; index++) expect(joined.add(Buffer.alloc(100))).toBeUndefined();
    expect(joined.join()).toHaveLength(2_000);
  });
});
