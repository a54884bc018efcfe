import {
  AckPolicy,
  DeliverPolicy,
  DiscardPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
} from '@nats-io/jetstream';
import { nanos, type NatsConnection } from '@nats-io/transport-node';
import { subjectMatches } from '../subject-matches.js';

/** A JetStream stream that keeps events. */
export interface EventStream {
  readonly name: string;
  readonly subjects: readonly string[];
}

export interface EventStreamLimits {
  readonly replicas: number;
  /** -1: what the server allows. A full stream refuses new events; it never drops old ones. */
  readonly maxBytes: number;
  readonly maxAgeMs: number;
}

/** An event that was sent again within this time under the same message id is stored once. */
const duplicateWindowMs = 120_000;
const streamNameInUse = 10_058;
const consumerAlreadyExists = 10_148;

/** Makes sure of streams and durable consumers. Uses only what nats-server 2.9 knows. */
export class EventStreams {
  private manager: Promise<JetStreamManager> | undefined;
  private readonly ensured = new Map<string, Promise<void>>();

  constructor(
    private readonly connection: NatsConnection,
    private readonly streams: readonly EventStream[],
    private readonly limits: EventStreamLimits,
  ) {}

  /** Throws when no stream keeps the subject. */
  streamOf(subject: string): EventStream {
    const stream = this.streams.find(({ subjects }) => subjects.some((filter) => subjectMatches(filter, subject)));
    if (!stream) throw new Error(`no event stream keeps ${subject}: name it among the streams of the bus`);
    return stream;
  }

  /** The stream that keeps a subject or filter; made or brought up to date on first use, by whoever comes first. */
  async ensureFor(subject: string): Promise<string> {
    const stream = this.streamOf(subject);
    let ensured = this.ensured.get(stream.name);
    if (!ensured) {
      ensured = this.ensure(stream);
      this.ensured.set(stream.name, ensured);
      ensured.catch(() => this.ensured.delete(stream.name));
    }
    await ensured;
    return stream.name;
  }

  /** Looks again: somebody may have deleted it. */
  forget(): void {
    this.ensured.clear();
  }

  async ensureConsumer(durable: string, filter: string, maxAckPending: number): Promise<string> {
    const stream = await this.ensureFor(filter);
    const { consumers } = await this.managed();
    const changeable = { max_ack_pending: maxAckPending, ack_wait: nanos(10_000), max_deliver: -1 };
    const config = {
      ...changeable,
      durable_name: durable,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      filter_subject: filter,
    };
    try {
      await consumers.add(stream, config);
    } catch (error) {
      if (!isApiError(error, consumerAlreadyExists)) throw error;
      await consumers.update(stream, durable, changeable);
    }
    return stream;
  }

  private async ensure(stream: EventStream): Promise<void> {
    const { streams } = await this.managed();
    const config = {
      subjects: [...stream.subjects],
      num_replicas: this.limits.replicas,
      max_bytes: this.limits.maxBytes,
      max_age: nanos(this.limits.maxAgeMs),
      duplicate_window: nanos(duplicateWindowMs),
      discard: DiscardPolicy.New,
    };
    try {
      const { config: current } = await streams.info(stream.name);
      if (!isUpToDate(current, config)) await streams.update(stream.name, config);
    } catch (error) {
      if (!isApiError(error, JetStreamApiCodes.StreamNotFound)) throw error;
      await this.create(stream, config);
    }
  }

  private async create(stream: EventStream, config: object): Promise<void> {
    const { streams } = await this.managed();
    try {
      await streams.add({ name: stream.name, storage: StorageType.File, retention: RetentionPolicy.Limits, ...config });
    } catch (error) {
      // Another process was quicker; with the same settings that is what we wanted.
      if (!isApiError(error, streamNameInUse)) throw error;
    }
  }

  private managed(): Promise<JetStreamManager> {
    if (!this.manager) {
      this.manager = jetstreamManager(this.connection);
      this.manager.catch(() => (this.manager = undefined));
    }
    return this.manager;
  }
}

function isApiError(error: unknown, code: number): boolean {
  return error instanceof JetStreamApiError && error.code === code;
}

function isUpToDate(current: object, wanted: object): boolean {
  const has = new Map<string, unknown>(Object.entries(current));
  return Object.entries(wanted).every(([key, value]) => JSON.stringify(has.get(key)) === JSON.stringify(value));
}
