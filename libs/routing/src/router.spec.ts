import { describe, expect, it } from '@jest/globals';
import type { Deployment } from '#libs/catalog';
import { orderCandidates } from './order-candidates.js';
import { type AttemptResult, Router } from './router.js';

function deployment(id: string, priority = 0, weight = 1): Deployment {
  return { id, provider: id.split('/')[0]!, upstreamModel: id, priority, weight, price: {} };
}

/** Reproducible: a linear congruential generator (Numerical Recipes). */
function seeded(seed = 7): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
}

function routerAt(clock: { now: number }, maxAttempts?: number): Router {
  return new Router({ now: () => clock.now, random: seeded(), ...(maxAttempts && { maxAttempts }) });
}

/** Makes a call whose attempts end as told; the ids that were tried. */
function call(router: Router, deployments: readonly Deployment[], ...results: AttemptResult[]): string[] {
  const plan = router.plan(deployments);
  const tried: string[] = [];
  for (const result of results) {
    const next = plan.next();
    if (!next) break;
    tried.push(next.id);
    plan.report(result);
  }
  return tried;
}

const failure: AttemptResult = { kind: 'failure' };
const success: AttemptResult = { kind: 'success' };
const [a, b, c, d] = [deployment('a/m', 0), deployment('b/m', 1), deployment('c/m', 2), deployment('d/m', 3)];

describe('the order of candidates', () => {
  it('is by priority first', () => {
    expect(orderCandidates([c, a, b], seeded())).toEqual([a, b, c]);
  });

  it('shares by weight where priorities are equal', () => {
    const random = seeded();
    const first = { heavy: 0, light: 0 };
    for (let round = 0; round < 4000; round++) {
      const [winner] = orderCandidates([deployment('light/m', 0, 1), deployment('heavy/m', 0, 3)], random);
      first[winner!.provider as 'heavy' | 'light']++;
    }
    expect(first.heavy / 4000).toBeGreaterThan(0.71);
    expect(first.heavy / 4000).toBeLessThan(0.79);
  });
});

describe('a plan', () => {
  it('tries one after the other, at most three', () => {
    expect(call(routerAt({ now: 0 }), [a, b, c, d], failure, failure, failure, failure)).toEqual(['a/m', 'b/m', 'c/m']);
  });

  it('counts attempts of workers that vanished', () => {
    const plan = routerAt({ now: 0 }).plan([a, b, c], 2);
    expect(plan.next()).toBe(a);
    expect(plan.attempt).toBe(3);
    plan.report(failure);
    expect(plan.next()).toBeUndefined();
  });

  it('does not count what was skipped', () => {
    const plan = routerAt({ now: 0 }).plan([a, b]);
    plan.next();
    plan.report({ kind: 'skipped' });
    expect(plan.next()).toBe(b);
    expect(plan.attempt).toBe(1);
  });

  it('asks the same deployment once more only when the connection broke, and only if no other is left', () => {
    const broke: AttemptResult = { kind: 'failure', repeatable: true };
    const router = routerAt({ now: 0 });
    expect(call(router, [a], failure, failure)).toEqual(['a/m']);
    expect(call(router, [a], broke, broke, broke)).toEqual(['a/m', 'a/m']);
    expect(call(router, [b, c], broke, success)).toEqual(['b/m', 'c/m']);
  });

  it('ignores a second report', () => {
    const router = routerAt({ now: 0 });
    const plan = router.plan([a]);
    plan.next();
    for (let count = 0; count < 10; count++) plan.report(failure);
    expect(call(router, [a, b], success)).toEqual(['a/m']);
  });
});

describe('the retry budget', () => {
  it('lets three retries of a provider run at once, and a fifth of its calls when there are many', () => {
    const router = routerAt({ now: 0 });
    const retryB = () => {
      const plan = router.plan([a, b]);
      plan.next();
      plan.report({ kind: 'neutral' });
      return plan.next();
    };
    expect([retryB(), retryB(), retryB(), retryB()]).toEqual([b, b, b, undefined]);
    for (let count = 0; count < 20; count++) router.plan([b]).next();
    // 23 in flight, of which a fifth may be retries.
    expect([retryB(), retryB(), retryB()]).toEqual([b, b, undefined]);
  });

  it('is not for calls of a worker that vanished: they all go on', () => {
    const router = routerAt({ now: 0 });
    const plans = Array.from({ length: 10 }, () => router.plan([a, b], 1));
    expect(plans.map((plan) => plan.next())).toEqual(Array(10).fill(a));
    for (const plan of plans) plan.report({ kind: 'neutral' });
    expect(plans.slice(0, 4).map((plan) => plan.next())).toEqual([b, b, b, undefined]);
  });
});

describe('the circuit', () => {
  it('ejects after five failures in a row, for 30 s, then lets one probe through', () => {
    const clock = { now: 1000 };
    const router = routerAt(clock);
    for (let count = 0; count < 4; count++) call(router, [a, b], failure, success);
    expect(call(router, [a, b], failure, success)).toEqual(['a/m', 'b/m']);
    expect(call(router, [a, b], success)).toEqual(['b/m']);
    clock.now += 29_999;
    expect(call(router, [a, b], success)).toEqual(['b/m']);
    clock.now += 1;
    const probe = router.plan([a, b]);
    expect(probe.next()).toBe(a);
    // While the probe is on its way the others go elsewhere.
    expect(call(router, [a, b], success)).toEqual(['b/m']);
    probe.report(success);
    expect(call(router, [a, b], success)).toEqual(['a/m']);
  });

  it('ejects longer each time the probe fails, and at most five minutes', () => {
    const clock = { now: 1000 };
    const router = routerAt(clock);
    for (let count = 0; count < 5; count++) call(router, [a, b], failure, success);
    clock.now += 30_000;
    expect(call(router, [a, b], failure, success)).toEqual(['a/m', 'b/m']);
    clock.now += 59_999;
    expect(call(router, [a, b], success)).toEqual(['b/m']);
    clock.now += 1;
    for (let count = 0; count < 20; count++) {
      expect(call(router, [a, b], failure, success)).toEqual(['a/m', 'b/m']);
      clock.now += 300_000;
    }
  });

  it('forgets earlier ejections after a long healthy time', () => {
    const clock = { now: 1000 };
    const router = routerAt(clock);
    const failFive = () => {
      for (let count = 0; count < 5; count++) call(router, [a, b], failure, success);
    };
    failFive();
    clock.now += 30_000;
    call(router, [a, b], success);
    clock.now += 1_000_000;
    failFive();
    clock.now += 30_000;
    expect(call(router, [a, b], success)).toEqual(['a/m']);
    // But not soon after one.
    failFive();
    clock.now += 30_000;
    expect(call(router, [a, b], success)).toEqual(['b/m']);
  });

  it('ejects when more than half of at least twenty calls in 30 s failed', () => {
    const clock = { now: 1000 };
    const router = routerAt(clock);
    const mixed = (rounds: number) => {
      for (let round = 0; round < rounds; round++) {
        call(router, [a, b], failure, success);
        call(router, [a, b], success);
        call(router, [a, b], failure, success);
      }
    };
    mixed(6);
    expect(call(router, [a, b], success)).toEqual(['a/m']);
    mixed(1);
    expect(call(router, [a, b], success)).toEqual(['b/m']);
  });

  it('forgets what happened more than a window ago', () => {
    const clock = { now: 1000 };
    const router = routerAt(clock);
    for (let round = 0; round < 40; round++) {
      call(router, [a, b], failure, success);
      call(router, [a, b], round % 2 ? success : failure, success);
      call(router, [a, b], success);
      clock.now += 10_000;
    }
    expect(call(router, [a, b], success)).toEqual(['a/m']);
  });

  it('leaves a rate-limited deployment alone for its Retry-After, then sends all calls again', () => {
    const clock = { now: 1000 };
    const router = routerAt(clock);
    call(router, [a, b], { kind: 'rate_limited', retryAfterMs: 7000 }, success);
    expect(call(router, [a, b], success)).toEqual(['b/m']);
    clock.now += 7000;
    const one = router.plan([a, b]);
    const other = router.plan([a, b]);
    expect([one.next(), other.next()]).toEqual([a, a]);
    // Without a Retry-After there is nothing to wait for.
    one.report({ kind: 'rate_limited' });
    expect(call(router, [a, b], success)).toEqual(['a/m']);
  });

  it('never ejects more than half, and never the only one', () => {
    const router = routerAt({ now: 1000 });
    for (let count = 0; count < 9; count++) call(router, [a], failure);
    expect(call(router, [a], success)).toEqual(['a/m']);
    for (let count = 0; count < 9; count++) {
      call(router, [b], failure);
      call(router, [c], failure);
    }
    expect(call(router, [b, c], success)).toHaveLength(1);
    expect(call(router, [b, c, d], success)).toEqual(['c/m']);
  });

  it('is not moved by callers that go away or requests that are refused', () => {
    const router = routerAt({ now: 1000 });
    for (let count = 0; count < 50; count++) call(router, [a, b], { kind: 'neutral' });
    expect(call(router, [a, b], success)).toEqual(['a/m']);
  });

  it('gives its probe back when that call said nothing', () => {
    const clock = { now: 1000 };
    const router = routerAt(clock);
    for (let count = 0; count < 5; count++) call(router, [a, b], failure, success);
    clock.now += 30_000;
    call(router, [a, b], { kind: 'neutral' });
    expect(call(router, [a, b], success)).toEqual(['a/m']);
  });
});
