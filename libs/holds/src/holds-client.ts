import {
  type AuthorizeItem,
  authorizeReply,
  type AuthorizeResult,
  authorizeSubject,
  type HoldChange,
  holdChangesReply,
  holdChangesSubject,
  type PriceSnapshot,
} from '#libs/contracts';
import type { Bus } from '#libs/messaging';
import type { Logger } from '#libs/telemetry';
import { BatchedCalls } from './batched-calls.js';

export interface HoldsOptions {
  /** Milliseconds between two renewals of the leases of running requests; a quarter of the lease is right. */
  readonly renewMs: number;
}

interface Wanted {
  readonly item: AuthorizeItem;
  readonly snapshot: PriceSnapshot;
}

/** A call that the ledger does not answer is given up after about 6 s: the caller can still retry. */
const tryMs = 2_500;
const tries = 2;
/** Nobody waits for these; they may outlast a restart of billing. */
const quietTries = 8;

/** Asks billing for money: ingress before a call, workers while it runs. Batches by itself; fails closed. */
export class HoldsClient {
  private readonly authorizations: BatchedCalls<Wanted, AuthorizeResult>;
  private readonly changes: BatchedCalls<HoldChange, boolean>;
  private readonly quietChanges: BatchedCalls<HoldChange, boolean>;
  /** How many of this process run each request: a second attempt may begin before the first has let go. */
  private readonly running = new Map<string, number>();
  private readonly timer: NodeJS.Timeout;

  constructor(
    bus: Bus,
    private readonly logger: Logger,
    options: HoldsOptions,
  ) {
    const change = {
      subject: holdChangesSubject,
      bodyOf: (items: readonly HoldChange[]) => ({ items }),
      resultsOf: (reply: unknown) => holdChangesReply.parse(reply).granted,
      tryMs,
    };
    this.authorizations = new BatchedCalls(bus, {
      subject: authorizeSubject,
      bodyOf: requestOf,
      resultsOf: (reply: unknown) => authorizeReply.parse(reply).results,
      tryMs,
      tries,
    });
    this.changes = new BatchedCalls(bus, { ...change, tries });
    this.quietChanges = new BatchedCalls(bus, { ...change, tries: quietTries });
    this.timer = setInterval(() => this.renew(), options.renewMs).unref();
  }

  /** Rejects with `ledger_unavailable` when no answer came; nothing may be started then. */
  authorize(item: AuthorizeItem, snapshot: PriceSnapshot): Promise<AuthorizeResult> {
    return this.authorizations.ask({ item, snapshot });
  }

  /** Puts an attempt on record, or asks for more money; false: refused. Rejects with `ledger_unavailable`. */
  change(item: Extract<HoldChange, { kind: 'intent' | 'extend' }>): Promise<boolean> {
    return this.changes.ask(item);
  }

  /** The request is over and nothing will be charged. Not awaited: a release that is lost costs one lease of waiting. */
  release(requestId: string): void {
    this.quietChanges.ask({ kind: 'release', requestId }).catch((error: Error) => {
      this.logger.warn({ requestId, reason: error.message }, 'a hold was not released; its lease will end it');
    });
  }

  /** Renews the lease of a request until the returned function is called. */
  keep(requestId: string): () => void {
    this.running.set(requestId, (this.running.get(requestId) ?? 0) + 1);
    let isKept = true;
    return () => {
      if (!isKept) return;
      isKept = false;
      const others = (this.running.get(requestId) ?? 0) - 1;
      if (others > 0) this.running.set(requestId, others);
      else this.running.delete(requestId);
    };
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private renew(): void {
    for (const requestId of this.running.keys()) {
      // The next renewal repeats it; a hold that expires all the same is captured late.
      this.changes.ask({ kind: 'renew', requestId }).catch((error: Error) => {
        this.logger.debug({ requestId, reason: error.message }, 'a lease was not renewed');
      });
    }
  }
}

/** Each snapshot once, however many items refer to it. */
function requestOf(wanted: readonly Wanted[]): object {
  const snapshots: Record<string, PriceSnapshot> = {};
  for (const { item, snapshot } of wanted) snapshots[item.priceSnapshotId] = snapshot;
  return { snapshots, items: wanted.map(({ item }) => item) };
}
