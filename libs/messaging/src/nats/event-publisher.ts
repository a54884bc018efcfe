import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TraceHeaders } from '../bus.js';
import { errorFields, type MessagingLogger } from '../messaging-logger.js';
import { retryDelay } from '../retry-delay.js';

export interface EventPublisherOptions {
  /** Resolves once the message is stored; the same `id` within two minutes is stored once. */
  readonly store: (subject: string, data: string, id: string) => Promise<void>;
  readonly logger: MessagingLogger;
  /** How long an event is tried for before its publisher hears of it. Stay below the server's duplicate window. */
  readonly giveUpMs: number;
  readonly maxQueuedEvents: number;
}

const maxBatchEvents = 64;
const maxBatchBytes = 256 * 1024;
/** How long a busy lane waits for company. */
const companyMs = 1;
const firstRetryMs = 50;
const longestRetryMs = 2_000;

interface QueuedEvent {
  /** JSON: `{"event":…,"trace":…}`. */
  readonly text: string;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * Stores events in batches: the next batch is what arrived while the last one was on its way. A lone event leaves at
 * once; while several arrive together, a batch waits a millisecond more, since a message costs more than an event.
 */
export class EventPublisher {
  private readonly lanes = new Map<string, QueuedEvent[]>();
  private readonly busy = new Map<string, Promise<void>>();
  private readonly processId = randomBytes(12).toString('base64url');
  private queued = 0;
  private batches = 0;
  private closed = false;

  constructor(private readonly options: EventPublisherOptions) {}

  publish(subject: string, event: object, trace: TraceHeaders = {}): Promise<void> {
    if (this.closed) return Promise.reject(new Error('the bus is closed'));
    if (this.queued >= this.options.maxQueuedEvents) {
      return Promise.reject(new Error(`the event queue is full: ${this.queued} events wait to be stored`));
    }
    // Now, not when its batch leaves: the caller may change the object.
    const text = `{"event":${JSON.stringify(event)},"trace":${JSON.stringify(trace)}}`;
    if (text.length > maxBatchBytes) return Promise.reject(new Error('an event is larger than 256 KiB'));
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.queued += 1;
    this.laneOf(subject).push({ text, resolve, reject });
    if (!this.busy.has(subject)) this.busy.set(subject, this.run(subject));
    return promise;
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    while (this.busy.size > 0) await Promise.all(this.busy.values());
  }

  close(): void {
    this.closed = true;
  }

  private laneOf(subject: string): QueuedEvent[] {
    const lane = this.lanes.get(subject) ?? [];
    this.lanes.set(subject, lane);
    return lane;
  }

  private async run(subject: string): Promise<void> {
    // One turn of the event loop, so that events of the same turn share a message.
    await new Promise((resolve) => setImmediate(resolve));
    const lane = this.laneOf(subject);
    while (lane.length > 0) {
      const batch = takeBatch(lane);
      await this.send(subject, batch);
      if (batch.length > 1 && lane.length < batch.length) await sleep(companyMs);
    }
    this.busy.delete(subject);
  }

  private async send(subject: string, batch: readonly QueuedEvent[]): Promise<void> {
    const data = `[${batch.map(({ text }) => text).join(',')}]`;
    this.batches += 1;
    const id = `${this.processId}-${this.batches}`;
    const failure = await this.storeOrGiveUp(subject, data, id);
    this.queued -= batch.length;
    for (const { resolve, reject } of batch) {
      if (failure) reject(failure);
      else resolve();
    }
  }

  private async storeOrGiveUp(subject: string, data: string, id: string): Promise<Error | undefined> {
    const giveUpAt = performance.now() + this.options.giveUpMs;
    for (let attempt = 1; ; attempt++) {
      try {
        await this.options.store(subject, data, id);
        return undefined;
      } catch (error) {
        const delayMs = retryDelay(attempt, firstRetryMs, longestRetryMs);
        if (this.closed || performance.now() + delayMs > giveUpAt) {
          this.options.logger.error({ subject, error: errorFields(error) }, 'events could not be stored');
          return new Error(`the event could not be stored under ${subject}`, { cause: error });
        }
        this.options.logger.warn({ subject, count: attempt, error: errorFields(error) }, 'storing events is retried');
        await sleep(delayMs);
      }
    }
  }
}

function takeBatch(lane: QueuedEvent[]): QueuedEvent[] {
  let count = 0;
  let bytes = 0;
  for (const { text } of lane) {
    bytes += text.length;
    if (count === maxBatchEvents || (count > 0 && bytes > maxBatchBytes)) break;
    count += 1;
  }
  return lane.splice(0, count);
}
