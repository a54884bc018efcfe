import { setTimeout as sleep } from 'node:timers/promises';
import { GatewayError, maxHoldBatch } from '#libs/contracts';
import { type Bus, CallError, collectReply } from '#libs/messaging';

export interface BatchOptions<Item, Result> {
  readonly subject: string;
  /** The JSON body of one message. */
  readonly bodyOf: (items: readonly Item[]) => object;
  /** Results of a reply, in the order of the items; throws for a reply that is none. */
  readonly resultsOf: (reply: unknown) => readonly Result[];
  /** Milliseconds for one try. */
  readonly tryMs: number;
  /** Tries before the items fail; each repeats the same ids, so an answer that was lost does no harm. */
  readonly tries: number;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/** Items that wait beyond this are refused at once: the ledger is too far behind. */
const maxWaiting = 20_000;
const retryMs = 150;

/** Unary calls of one kind: what is asked in one turn of the event loop travels in one message. */
export class BatchedCalls<Item, Result> {
  private waiting: Waiting<Item, Result>[] = [];
  private pending = 0;

  constructor(
    private readonly bus: Bus,
    private readonly options: BatchOptions<Item, Result>,
  ) {}

  /** Rejects with a `GatewayError` when no answer came. */
  ask(item: Item): Promise<Result> {
    if (this.pending >= maxWaiting) return Promise.reject(unavailable(undefined));
    this.pending++;
    return new Promise<Result>((resolve, reject) => {
      this.waiting.push({ item, resolve, reject });
      if (this.waiting.length === 1) setImmediate(() => this.flush());
    }).finally(() => this.pending--);
  }

  private flush(): void {
    const all = this.waiting;
    this.waiting = [];
    for (let start = 0; start < all.length; start += maxHoldBatch) {
      void this.send(all.slice(start, start + maxHoldBatch));
    }
  }

  private async send(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await this.callRepeatedly(batch.map(({ item }) => item));
      for (const [index, { resolve }] of batch.entries()) resolve(results[index] as Result);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  private async callRepeatedly(items: readonly Item[]): Promise<readonly Result[]> {
    const { tries } = this.options;
    // The first try whose answer alone is missing: it may have been done, however the later ones fail.
    let unanswered: unknown;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.call(items);
      } catch (error) {
        const reason = error instanceof CallError ? error.reason : undefined;
        if (reason === 'closed') throw unavailable(error);
        if (reason !== 'no_responders') unanswered ??= error;
        if (attempt >= tries) throw unavailable(unanswered ?? error);
        await sleep(retryMs * attempt);
      }
    }
  }

  private async call(items: readonly Item[]): Promise<readonly Result[]> {
    const { subject, bodyOf, resultsOf, tryMs } = this.options;
    const body = Buffer.from(JSON.stringify(bodyOf(items)));
    const reply = await collectReply(this.bus, { subject, head: {}, body, deadlineMs: tryMs });
    const results = resultsOf(JSON.parse(reply.body.toString()));
    if (results.length !== items.length)
      throw new TypeError(`${subject} answered ${results.length} items of ${items.length}`);
    return results;
  }
}

function unavailable(cause: unknown): GatewayError {
  const closing = cause instanceof CallError && cause.reason === 'closed';
  return new GatewayError(
    closing ? 'server_shutting_down' : 'ledger_unavailable',
    'The ledger cannot be asked right now, so nothing was started and nothing is charged. Retry in a moment.',
    { cause, retryAfterSeconds: closing ? 1 : 2 },
  );
}
