import { isDeepStrictEqual } from 'node:util';
import { expect } from '@jest/globals';
import { type KillRig, type Tenant, until } from './kill-rig.js';
import { type Books, unacknowledgedEvents } from './kill-rig-books.js';

/** What a test says of a tenant's books; the rest is as it must always be. */
export type ExpectedBooks = Pick<Books, 'holds' | 'attempts' | 'upstream' | 'captures'> & Partial<Books>;

/** One request that was called once, and is paid. */
export const oneCharged = (attempt: string): ExpectedBooks => ({
  holds: ['captured'],
  attempts: [attempt],
  upstream: ['#1'],
  captures: 1,
});

/** One request that was called once, for nothing. */
export const oneFree = (attempt: string): ExpectedBooks => ({
  holds: ['voided'],
  attempts: [attempt],
  upstream: ['#1'],
  captures: 0,
});

/** Expects that the books come to rest in one of the ways, and to stay so until `expectRightBooks`. */
export function bookKeeping(rigOf: () => KillRig) {
  return async (tenant: Tenant, ...ways: readonly ExpectedBooks[]): Promise<void> => {
    const wanted: Books[] = ways.map((way) => ({ unknown: 0, held: '0', missing: '0', ...way }));
    const isWanted = (books: Books): boolean => wanted.some((way) => isDeepStrictEqual({ ...books }, way));
    // What it says in the end tells more than that time was up.
    await rigOf()
      .booksBecome(tenant, isWanted)
      .catch(() => undefined);
    const books = await rigOf().books(tenant);
    expect(books).toEqual(wanted.find((way) => isDeepStrictEqual({ ...books }, way)) ?? wanted[0]);
  };
}

/** After all cells: the ledger's own check finds nothing, and what had come to rest has not moved. */
export async function expectRightBooks(rig: KillRig): Promise<void> {
  const violated = async () =>
    (await rig.checkLedger()).filter(({ level, count }) => level === 'violation' && count > 0);
  // What was delivered to a process that died comes again, ten seconds later.
  await until(
    () => unacknowledgedEvents(rig.services.nats.url),
    (count) => count === 0,
  );
  await until(violated, (found) => found.length === 0).catch(() => undefined);
  expect(await violated()).toEqual([]);
  expect(await rig.changedBooks()).toEqual([]);
}
