import { setTimeout as sleep } from 'node:timers/promises';
import { GatewayError, maxHoldBatch } from '#libs/contracts';
import { isRefused, ledgerUnavailable } from './ledger-unavailable.js';

export interface CommitLaneOptions<Item, Result> {
  /** One transaction; results in the order of the items. May be called again with the same items: they have ids. */
  readonly commit: (items: readonly Item[]) => Promise<readonly Result[]>;
  /** A batch failed for good. */
  readonly onFailure: (error: unknown, count: number) => void;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  /** After it nobody waits for the answer any more (`performance.now()`). */
  readonly until: number;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: GatewayError) => void;
}

/** About two seconds of work; whoever comes later is told at once. */
const maxWaiting = 10_000;
const retryMs = 100;

/**
 * One commit at a time. The next one takes what arrived during the last, so a quiet ledger answers at once and a busy
 * one writes large batches, without a timer: one commit per request would end at some hundred per second.
 */
export class CommitLane<Item, Result> {
  private waiting: Waiting<Item, Result>[] = [];
  private isCommitting = false;

  constructor(private readonly options: CommitLaneOptions<Item, Result>) {}

  /** Rejects with a `GatewayError`: `ledger_unavailable` also when the outcome is unknown. */
  ask(item: Item, deadlineMs: number): Promise<Result> {
    if (this.waiting.length >= maxWaiting) return Promise.reject(ledgerUnavailable());
    return new Promise<Result>((resolve, reject) => {
      this.waiting.push({ item, until: performance.now() + deadlineMs, resolve, reject });
      if (this.isCommitting) return;
      this.isCommitting = true;
      // What arrives in the same turn of the event loop shares the commit.
      setImmediate(() => void this.commitAll());
    });
  }

  /** Never rejects. */
  private async commitAll(): Promise<void> {
    while (this.waiting.length > 0) {
      const batch = this.waiting.splice(0, maxHoldBatch);
      const now = performance.now();
      for (const { until, reject } of batch) if (until <= now) reject(ledgerUnavailable());
      await this.commitBatch(batch.filter(({ until }) => until > now));
    }
    this.isCommitting = false;
  }

  private async commitBatch(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    if (batch.length === 0) return;
    try {
      const results = await this.commitTwice(batch.map(({ item }) => item));
      for (const [index, { resolve }] of batch.entries()) resolve(results[index] as Result);
    } catch (error) {
      if (isRefused(error) && batch.length > 1) {
        // Finds the one that Postgres cannot take, so that it harms no other.
        for (const one of batch) await this.commitBatch([one]);
        return;
      }
      this.options.onFailure(error, batch.length);
      const told = isRefused(error) ? GatewayError.from(error) : ledgerUnavailable(error);
      for (const { reject } of batch) reject(told);
    }
  }

  /** A commit whose answer was lost may have happened: only the ledger knows, and it knows its ids. */
  private async commitTwice(items: readonly Item[]): Promise<readonly Result[]> {
    try {
      return await this.options.commit(items);
    } catch (error) {
      if (isRefused(error)) throw error;
      // One broken connection seldom comes alone; in a moment the pool has noticed them all.
      await sleep(retryMs);
      return await this.options.commit(items);
    }
  }
}
