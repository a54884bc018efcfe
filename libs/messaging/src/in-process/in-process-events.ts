import { setTimeout as sleep } from 'node:timers/promises';
import type { ConsumeOptions, EventDelivery, Server, TraceHeaders } from '../bus.js';
import { errorFields, type MessagingLogger } from '../messaging-logger.js';
import { retryDelay } from '../retry-delay.js';
import { subjectMatches } from '../subject-matches.js';

export interface InProcessEventsOptions {
  readonly logger: MessagingLogger;
  readonly giveUpMs: number;
  readonly maxQueuedEvents: number;
  readonly firstRetryMs: number;
}

type EventHandler = (batch: readonly EventDelivery[]) => Promise<void>;

const longestRetryMs = 5_000;

/** An event on its way to one consumer. */
interface Delivery {
  readonly subject: string;
  /** JSON, as it was when it was published. */
  readonly text: string;
  readonly trace: TraceHeaders;
  readonly giveUpAt: number;
  readonly settle: (error?: Error) => void;
  deliveries: number;
}

/** An event that no consumer has been registered for yet. */
interface Orphan {
  readonly subject: string;
  readonly adopt: () => void;
}

/**
 * Events in one process. There is no store: a publisher hears of success when the consumer has committed, so that
 * nothing is called durable that is not.
 */
export class InProcessEvents {
  private readonly consumers = new Set<InProcessConsumer>();
  private readonly orphans = new Set<Orphan>();
  private queued = 0;
  private closed = false;

  constructor(private readonly options: InProcessEventsOptions) {}

  async publish(subject: string, event: object, trace: TraceHeaders): Promise<void> {
    if (this.closed) throw new Error('the bus is closed');
    if (this.queued >= this.options.maxQueuedEvents) {
      throw new Error(`the event queue is full: ${this.queued} events wait to be stored`);
    }
    const text = JSON.stringify(event);
    const giveUpAt = performance.now() + this.options.giveUpMs;
    this.queued += 1;
    try {
      while (this.consumersOf(subject).length === 0) await this.consumerFor(subject);
      const handled = this.consumersOf(subject).map((consumer) => consumer.enqueue({ subject, text, trace, giveUpAt }));
      await (handled.length === 1 ? handled[0] : Promise.all(handled));
    } finally {
      this.queued -= 1;
    }
  }

  consume(options: ConsumeOptions, handler: EventHandler): Server {
    const consumer = new InProcessConsumer(options, handler, this.options);
    this.consumers.add(consumer);
    for (const orphan of [...this.orphans]) if (consumer.wants(orphan.subject)) orphan.adopt();
    return {
      stop: async () => {
        this.consumers.delete(consumer);
        await consumer.stop();
      },
    };
  }

  /** Resolves when no event waits for a consumer. */
  async idle(): Promise<void> {
    while (this.queued > 0) await sleep(5);
  }

  async close(): Promise<void> {
    this.closed = true;
    await Promise.all([...this.consumers].map((consumer) => consumer.stop()));
  }

  private consumersOf(subject: string): InProcessConsumer[] {
    return [...this.consumers].filter((consumer) => consumer.wants(subject));
  }

  /** At start the publisher may be quicker than the consumer. */
  private async consumerFor(subject: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const orphan = { subject, adopt: resolve };
    const timer = setTimeout(() => reject(new Error(`nothing consumes ${subject}`)), this.options.giveUpMs);
    this.orphans.add(orphan);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.orphans.delete(orphan);
    }
  }
}

/** Hands batches to one handler: the next batch is what arrived while the last one was being handled. */
class InProcessConsumer {
  private queue: Delivery[] = [];
  private running: Promise<void> | undefined;
  private stopped = false;

  constructor(
    private readonly options: ConsumeOptions,
    private readonly handler: EventHandler,
    private readonly limits: InProcessEventsOptions,
  ) {}

  wants(subject: string): boolean {
    return subjectMatches(this.options.subject, subject);
  }

  enqueue(event: Omit<Delivery, 'settle' | 'deliveries'>): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const settle = (error?: Error): void => (error ? reject(error) : resolve());
    this.queue.push({ ...event, settle, deliveries: 0 });
    this.running ??= this.run();
    return promise;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.running;
    for (const { settle } of this.queue.splice(0)) settle(new Error('the consumer stopped before the event'));
  }

  private async run(): Promise<void> {
    // One turn of the event loop, so that events of the same turn share a batch.
    await new Promise((resolve) => setImmediate(resolve));
    for (let failures = 0; this.queue.length > 0 && !this.stopped;) {
      // After a failure one by one, so that one bad event stops no others.
      const batch = this.queue.splice(0, failures > 0 ? 1 : this.options.maxBatch);
      failures = (await this.handle(batch)) ? 0 : failures + 1;
      // A batch that had company will have more in a moment; a lone event never waits.
      const lingers = this.options.lingerMs !== undefined && batch.length > 1 && this.queue.length < batch.length;
      if (lingers && failures === 0 && !this.stopped) await sleep(1);
      if (failures > 0 && !this.stopped) await sleep(retryDelay(failures, this.limits.firstRetryMs, longestRetryMs));
    }
    this.running = undefined;
  }

  private async handle(batch: Delivery[]): Promise<boolean> {
    try {
      await this.handler(batch.map(toEvent));
      for (const { settle } of batch) settle();
      return true;
    } catch (error) {
      const fields = { subject: this.options.durable, count: batch.length, error: errorFields(error) };
      this.limits.logger.error(fields, 'events will be delivered again');
      this.queue.push(...batch.filter((delivery) => this.triesAgain(delivery, error)));
      return false;
    }
  }

  private triesAgain(delivery: Delivery, cause: unknown): boolean {
    if (performance.now() < delivery.giveUpAt) return true;
    delivery.settle(new Error(`the event could not be handled under ${delivery.subject}`, { cause }));
    return false;
  }
}

function toEvent(delivery: Delivery): EventDelivery {
  delivery.deliveries += 1;
  const { deliveries, subject, text, trace } = delivery;
  return { subject, event: JSON.parse(text), trace: { ...trace }, deliveries };
}
