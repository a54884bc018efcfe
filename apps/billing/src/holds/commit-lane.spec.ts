import { describe, expect, it } from '@jest/globals';
import { CommitLane } from './commit-lane.js';

const limitMs = 10_000;

interface Commit {
  readonly items: readonly number[];
  finish(): void;
  fail(error: unknown): void;
}

/** Commits that the spec ends by hand. */
function lane(): { ask: (item: number, deadlineMs?: number) => Promise<number>; commits: Commit[]; failed: number[] } {
  const commits: Commit[] = [];
  const failed: number[] = [];
  const own = new CommitLane<number, number>({
    commit: (items) =>
      new Promise((resolve, reject) => {
        commits.push({ items, finish: () => resolve(items.map((item) => -item)), fail: reject });
      }),
    onFailure: (_error, count) => failed.push(count),
  });
  return { ask: (item, deadlineMs = limitMs) => own.ask(item, deadlineMs), commits, failed };
}

async function nth(commits: readonly Commit[], n: number): Promise<Commit> {
  for (let turn = 0; turn < 5_000; turn++) {
    const commit = commits[n];
    if (commit) return commit;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  throw new Error(`there is no commit number ${n}`);
}

const refused = { code: '22003' };
const lost = { code: 'ECONNRESET' };

describe('a commit lane', () => {
  it('takes into the next commit what arrived during the last, in its order', async () => {
    const { ask, commits } = lane();
    const first = [ask(1), ask(2)];
    const commit = await nth(commits, 0);
    const second = Array.from({ length: 130 }, (_, n) => ask(n + 3));
    expect(commits).toHaveLength(1);
    commit.finish();
    expect(await Promise.all(first)).toEqual([-1, -2]);
    (await nth(commits, 1)).finish();
    (await nth(commits, 2)).finish();
    expect((await Promise.all(second)).at(-1)).toBe(-132);
    expect(commits.map(({ items }) => [items.length, items[0]])).toEqual([
      [2, 1],
      [128, 3],
      [2, 131],
    ]);
  });

  it('works again after it was idle', async () => {
    const { ask, commits } = lane();
    for (const n of [0, 1]) {
      const asked = ask(n);
      (await nth(commits, n)).finish();
      expect(await asked).toBe(-n);
    }
  });

  it('repeats a commit whose answer was lost once, with the same items', async () => {
    const { ask, commits, failed } = lane();
    const asked = ask(7);
    (await nth(commits, 0)).fail(lost);
    (await nth(commits, 1)).finish();
    expect(await asked).toBe(-7);
    const hopeless = ask(8).catch((error: unknown) => error);
    (await nth(commits, 2)).fail(lost);
    (await nth(commits, 3)).fail(lost);
    expect(await hopeless).toMatchObject({ code: 'ledger_unavailable', retryAfterSeconds: 2 });
    expect(failed).toEqual([1]);
  });

  it('finds the item that Postgres refuses, and commits the others', async () => {
    const { ask, commits } = lane();
    const all = Promise.allSettled([ask(1), ask(2), ask(3)]);
    (await nth(commits, 0)).fail(refused);
    (await nth(commits, 1)).finish();
    (await nth(commits, 2)).fail({ driverError: refused });
    (await nth(commits, 3)).finish();
    expect((await all).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  it('leaves out what nobody waits for any more', async () => {
    const { ask, commits } = lane();
    const first = ask(1);
    const late = ask(2, 0).catch((error: unknown) => error);
    (await nth(commits, 0)).finish();
    expect(await first).toBe(-1);
    expect(await late).toMatchObject({ code: 'ledger_unavailable' });
    expect(commits.map(({ items }) => items)).toEqual([[1]]);
  });

  it('refuses at once when too many wait', async () => {
    const { ask, commits } = lane();
    const first = ask(0);
    const commit = await nth(commits, 0);
    const waiting = Array.from({ length: 10_000 }, (_, n) => ask(n, 0).catch(() => 'gone'));
    await expect(ask(1)).rejects.toMatchObject({ code: 'ledger_unavailable' });
    commit.finish();
    expect(await first).toBe(-0);
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['gone']));
  });
});
