import { type ConsumerMessages, jetstream, type JsMsg } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConsumeOptions, EventDelivery, Server, TraceHeaders } from '../bus.js';
import { errorFields, type MessagingLogger } from '../messaging-logger.js';
import { retryDelay } from '../retry-delay.js';
import type { EventStreams } from './event-streams.js';

export interface EventConsumerOptions extends ConsumeOptions {
  readonly connection: NatsConnection;
  readonly streams: EventStreams;
  readonly logger: MessagingLogger;
  /** First delay after a handler rejected; doubles per delivery up to 30 s. */
  readonly firstRetryMs: number;
}

type EventHandler = (batch: readonly EventDelivery[]) => Promise<void>;

/** Messages taken and not yet acknowledged; each holds up to 64 events. */
const maxAckPending = 256;
const pullMessages = 64;
const longestRetryMs = 30_000;
/** The server delivers again after 10 s of silence: a slow handler says that it lives. */
const workingMs = 3_000;

interface Held {
  readonly message: JsMsg;
  readonly events: readonly EventDelivery[];
  readonly deliveries: number;
}

/** A durable pull consumer. No fixed sleep: a batch is what has arrived when the handler is free. */
export class EventConsumer implements Server {
  private held: Held[] = [];
  private inHand: readonly Held[] = [];
  private messages: ConsumerMessages | undefined;
  private wake: (() => void) | undefined;
  private stopped = false;
  private failures = 0;
  private running: Promise<void> | undefined;
  private readonly working: NodeJS.Timeout;

  constructor(
    private readonly options: EventConsumerOptions,
    private readonly handler: EventHandler,
  ) {
    this.working = setInterval(() => this.sayWorking(), workingMs).unref();
  }

  async start(): Promise<void> {
    const stream = await this.pull();
    this.running = this.handleAll();
    void this.keepPulling(stream); // handles its own errors, and ends when we stop
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearInterval(this.working);
    void this.messages?.close(); // its subscription ends at once; what is left to wait for is our own handler
    this.wake?.();
    await this.running;
    // Others may have them now, instead of after 10 s.
    for (const { message } of this.held) message.nak();
    this.held = [];
  }

  private async pull(): Promise<string> {
    const { connection, durable, streams, subject } = this.options;
    const stream = await streams.ensureConsumer(durable, subject, maxAckPending);
    const consumer = await jetstream(connection).consumers.get(stream, durable);
    this.messages = await consumer.consume({
      max_messages: pullMessages,
      callback: (message) => this.take(message),
    });
    if (this.stopped) void this.messages.close(); // stopped while it was being set up
    return stream;
  }

  /** Starts over when the server ended the subscription, e.g. because the stream was deleted and made anew. */
  private async keepPulling(stream: string): Promise<void> {
    for (let attempt = 1; !this.stopped; attempt++) {
      const error = await this.messages?.closed();
      if (this.stopped || this.options.connection.isClosed()) return;
      this.options.logger.warn(
        { subject: stream, ...(error && { error: errorFields(error) }) },
        'consuming starts over',
      );
      await sleep(retryDelay(attempt, 200, longestRetryMs));
      if (this.stopped) return;
      this.options.streams.forget();
      await this.pull().catch((again: unknown) => {
        this.messages = undefined;
        this.options.logger.error({ subject: stream, error: errorFields(again) }, 'consuming could not start over');
      });
    }
  }

  private take(message: JsMsg): void {
    const deliveries = message.info.deliveryCount;
    try {
      this.held.push({ message, events: parseEvents(message, deliveries), deliveries });
    } catch (error) {
      // It stays in the stream; delivering it again would not make it readable.
      this.options.logger.error(
        { subject: message.subject, error: errorFields(error) },
        'an event message is unreadable',
      );
      message.term();
      return;
    }
    this.wake?.();
  }

  private async handleAll(): Promise<void> {
    while (!this.stopped) {
      if (this.held.length === 0) await this.somethingHeld();
      await this.linger();
      const batch = this.nextBatch();
      if (batch.length > 0 && !this.stopped) await this.handle(batch);
    }
  }

  private async somethingHeld(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.wake = resolve;
    await promise;
    this.wake = undefined;
  }

  /** A transaction per event costs ten times one per batch; nobody waits for this one. */
  private async linger(): Promise<void> {
    const { lingerMs = 0, maxBatch } = this.options;
    const held = this.held.reduce((count, { events }) => count + events.length, 0);
    if (lingerMs > 0 && held < maxBatch && !this.stopped) await sleep(lingerMs);
  }

  /** Whole messages up to `maxBatch` events. What failed before goes alone, so that one bad event stops no others. */
  private nextBatch(): readonly Held[] {
    if (this.stopped) return [];
    let count = 0;
    let events = 0;
    for (const next of this.held) {
      events += next.events.length;
      if (count > 0 && (next.deliveries > 1 || events > this.options.maxBatch)) break;
      count += 1;
      if (next.deliveries > 1) break;
    }
    return this.held.splice(0, count);
  }

  private async handle(batch: readonly Held[]): Promise<void> {
    this.inHand = batch;
    const events = batch.flatMap((held) => held.events);
    try {
      for (let at = 0; at < events.length; at += this.options.maxBatch) {
        await this.handler(events.slice(at, at + this.options.maxBatch));
      }
      for (const { message } of batch) message.ack();
      this.failures = 0;
    } catch (error) {
      await this.giveBack(batch, error);
    } finally {
      this.inHand = [];
    }
  }

  private async giveBack(batch: readonly Held[], error: unknown): Promise<void> {
    const { durable, firstRetryMs, logger } = this.options;
    logger.error(
      { subject: durable, count: batch.length, error: errorFields(error) },
      'events will be delivered again',
    );
    for (const { message, deliveries } of batch) message.nak(retryDelay(deliveries, firstRetryMs, longestRetryMs));
    this.failures += 1;
    // When all fail, it is not the events: do not run through the whole stream.
    if (this.failures > 1) await sleep(retryDelay(this.failures - 1, firstRetryMs, 5_000));
  }

  private sayWorking(): void {
    for (const { message } of [...this.inHand, ...this.held]) message.working();
  }
}

function parseEvents(message: JsMsg, deliveries: number): EventDelivery[] {
  const parsed: unknown = message.json();
  if (!Array.isArray(parsed)) throw new Error('not a list of events');
  return parsed.map((entry: { subject?: string; event: unknown; trace?: TraceHeaders }) => ({
    subject: entry.subject ?? message.subject,
    event: entry.event,
    trace: entry.trace ?? {},
    deliveries,
  }));
}
