import { randomBytes } from 'node:crypto';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { jetstream } from '@nats-io/jetstream';
import type { Msg, NatsConnection } from '@nats-io/transport-node';
import type { Bus, CallHandle, ConsumeOptions, EventDelivery, IncomingCall } from '../bus.js';
import { CallError, type OutgoingCall, type ReplySink, type Server, type TraceHeaders } from '../bus.js';
import { shuttingDown } from '../calls/refusals.js';
import { FrameReader, frameTypes } from '../frame.js';
import { errorFields, type MessagingLogger } from '../messaging-logger.js';
import { settlesWithin } from '../settles-within.js';
import { CallClient } from './call-client.js';
import { CallServer } from './call-server.js';
import { EventConsumer } from './event-consumer.js';
import { EventPublisher } from './event-publisher.js';
import { type EventStream, type EventStreamLimits, EventStreams } from './event-streams.js';
import type { ServedSubject } from './inbound.js';
import { Postman, type Wire } from './postman.js';

/** All times and limits of the NATS bus; `connectNatsBus` fills in the defaults. */
export interface NatsBusSettings {
  readonly logger: MessagingLogger;
  /** How often both sides of a call say that they live, and after which silence the other is given up. */
  readonly pingMs: number;
  readonly deadMs: number;
  /** How often the broker is asked whether the other process is still subscribed: finds a killed one sooner. */
  readonly probeMs: number;
  readonly maxBodyBytes: number;
  readonly maxPendingBodyBytes: number;
  readonly inlineBodyBytes: number;
  readonly streams: readonly EventStream[];
  readonly streamLimits: EventStreamLimits;
  readonly eventGiveUpMs: number;
  readonly maxQueuedEvents: number;
  readonly eventRetryMs: number;
}

const nobody = new Uint8Array(0);
const noRespondersCode = 503;
/** From asking the handlers to finish until the bus ends their calls itself. */
const finishGraceMs = 2_000;
const storeTimeoutMs = 3_000;

/** The bus over NATS: core NATS for calls and broadcasts, JetStream for events. */
export class NatsBus implements Bus, Wire {
  readonly kind = 'nats';
  connected = true;
  /** Unguessable: who does not know it cannot answer our calls. */
  private readonly inbox = `_M.${randomBytes(16).toString('base64url')}`;
  private readonly postman = new Postman(this);
  private readonly client: CallClient;
  private readonly server: CallServer;
  private readonly publisher: EventPublisher;
  private readonly streams: EventStreams;
  private readonly servers = new Set<Server>();
  private readonly timers: NodeJS.Timeout[];
  private closing: Promise<void> | undefined;
  private closed = false;

  constructor(
    private readonly connection: NatsConnection,
    private readonly settings: NatsBusSettings,
  ) {
    const { inbox, postman } = this;
    const deadSweeps = Math.ceil(settings.deadMs / settings.pingMs);
    this.client = new CallClient({ ...settings, postman, inbox, deadSweeps });
    this.server = new CallServer({ ...settings, postman, inbox, deadSweeps });
    this.streams = new EventStreams(connection, settings.streams, settings.streamLimits);
    this.publisher = new EventPublisher({
      store: (subject, data, id) => this.store(subject, data, id),
      logger: settings.logger,
      giveUpMs: settings.eventGiveUpMs,
      maxQueuedEvents: settings.maxQueuedEvents,
    });
    connection.subscribe(`${inbox}.*`, { callback: (error, message) => this.onMessage(error, message) });
    this.timers = [
      setInterval(() => this.sweep(), settings.pingMs),
      setInterval(() => this.probe(), settings.probeMs).unref(),
    ];
    void this.watchConnection(); // ends with the connection
  }

  call(request: OutgoingCall, sink: ReplySink): CallHandle {
    if (this.closed) return this.client.refuse(sink, new CallError('closed', 'this process is shutting down'));
    if (!this.connected) {
      return this.client.refuse(sink, new CallError('no_responders', 'the connection to the bus is away'));
    }
    return this.client.open(request, sink);
  }

  serve(subject: string, queue: string, handler: (call: IncomingCall) => void): Server {
    const served: ServedSubject = { subject, handler, inFlight: 0, onIdle: undefined };
    const subscription = this.connection.subscribe(subject, {
      queue,
      callback: (error, message) => this.onCall(served, error, message),
    });
    const { promise: idle, resolve } = Promise.withResolvers<void>();
    let stopping: Promise<void> | undefined;
    const stop = async (): Promise<void> => {
      // What the broker has already sent us is still served.
      if (!subscription.isClosed()) await subscription.drain().catch(() => {}); // a dead connection delivers nothing more
      served.onIdle = resolve;
      if (served.inFlight === 0) resolve();
      await idle;
      this.servers.delete(server);
    };
    const server: Server = { stop: () => (stopping ??= stop()) };
    this.servers.add(server);
    return server;
  }

  async publishEvent(subject: string, event: object, headers?: TraceHeaders): Promise<void> {
    this.streams.streamOf(subject);
    await this.publisher.publish(subject, event, headers);
  }

  async consumeEvents(
    options: ConsumeOptions,
    handler: (batch: readonly EventDelivery[]) => Promise<void>,
  ): Promise<Server> {
    const { connection, settings, streams } = this;
    const shared = { connection, streams, logger: settings.logger, firstRetryMs: settings.eventRetryMs };
    const consumer = new EventConsumer({ ...options, ...shared }, handler);
    await consumer.start();
    const server: Server = {
      stop: async () => {
        this.servers.delete(server);
        await consumer.stop();
      },
    };
    this.servers.add(server);
    return server;
  }

  broadcast(subject: string, payload: object): void {
    if (!this.closed) this.publish(subject, Buffer.from(JSON.stringify(payload)));
  }

  onBroadcast(subject: string, handler: (payload: unknown) => void): Server {
    const subscription = this.connection.subscribe(subject, {
      callback: (_error, message) => {
        try {
          handler(message.json());
        } catch (error) {
          this.settings.logger.error({ subject, error: errorFields(error) }, 'a broadcast could not be handled');
        }
      },
    });
    return { stop: () => Promise.resolve(subscription.unsubscribe()) };
  }

  flush(): Promise<void> {
    return this.connection.flush();
  }

  async finishCalls(graceMs: number): Promise<void> {
    this.server.askToFinish();
    const endsAt = performance.now() + graceMs;
    while (this.server.inFlight + this.client.inFlight > 0 && performance.now() < endsAt) await sleep(10);
    this.server.failAll(shuttingDown);
    this.client.closeAll();
  }

  drain(timeoutMs: number): Promise<void> {
    this.closing ??= this.drainAndClose(timeoutMs);
    return this.closing;
  }

  /** For the postman; a connection that is just closing loses what liveness then reports. */
  publish(subject: string, data: Uint8Array, reply?: string): void {
    try {
      this.connection.publish(subject, data, reply === undefined ? {} : { reply });
    } catch (error) {
      this.settings.logger.error({ subject, error: errorFields(error) }, 'a message could not be sent');
    }
  }

  private onCall(served: ServedSubject, error: Error | null, message: Msg): void {
    try {
      if (error) throw error;
      this.server.open(served, message.data, message.reply ?? '');
    } catch (problem) {
      // An exception here would end the connection's reader.
      const fields = { subject: served.subject, error: errorFields(problem) };
      this.settings.logger.error(fields, 'a call could not be taken in');
    }
  }

  private onMessage(error: Error | null, message: Msg): void {
    try {
      if (error) throw error;
      const { data } = message;
      if (data.length === 0) this.onEmpty(message);
      else this.onFrames(data);
    } catch (problem) {
      this.settings.logger.error({ error: errorFields(problem) }, 'a message of the bus was not understood');
    }
  }

  private onFrames(data: Uint8Array): void {
    const reader = new FrameReader(data);
    while (reader.next()) {
      if (reader.type >= frameTypes.credit) this.server.receive(reader);
      else this.client.receive(reader);
    }
  }

  /** The broker says that nobody listens there: to a call's subject, or to the inbox of a peer. */
  private onEmpty(message: Msg): void {
    if (message.headers?.code !== noRespondersCode) return;
    const token = message.subject.slice(message.subject.lastIndexOf('.') + 1);
    if (!token.startsWith('-')) {
      this.client.noResponders(Number.parseInt(token, 36), 'nobody serves this subject');
      return;
    }
    const peer = this.postman.peerByNumber(Number.parseInt(token.slice(1), 36));
    if (!peer) return;
    this.client.peerLost(peer);
    this.server.peerLost(peer);
  }

  private sweep(): void {
    if (!this.connected) return;
    this.client.sweep();
    this.server.sweep();
    this.postman.sweep();
  }

  private probe(): void {
    if (!this.connected) return;
    for (const peer of this.postman.known()) {
      if (peer.calls > 0) this.publish(`${peer.inbox}.p`, nobody, `${this.inbox}.-${peer.number.toString(36)}`);
    }
  }

  private async store(subject: string, data: string, id: string): Promise<void> {
    try {
      await this.streams.ensureFor(subject);
      await jetstream(this.connection).publish(subject, data, { msgID: id, timeout: storeTimeoutMs });
    } catch (error) {
      this.streams.forget();
      throw error;
    }
  }

  private async watchConnection(): Promise<void> {
    const { connection, settings } = this;
    for await (const status of connection.status()) {
      if (status.type === 'disconnect') {
        this.connected = false;
        settings.logger.warn({}, 'the connection to NATS is away');
        this.client.allLost();
        this.server.allLost();
      } else if (status.type === 'reconnect') {
        this.connected = true;
        settings.logger.info({}, 'the connection to NATS is back');
        this.postman.hurry();
      } else if (status.type === 'error') {
        settings.logger.error({ error: errorFields(status.error) }, 'NATS reports an error');
      }
    }
    this.connected = false;
    this.client.allLost();
    this.server.allLost();
  }

  private async drainAndClose(timeoutMs: number): Promise<void> {
    const quiet = Promise.all([...this.servers].map((server) => server.stop()))
      .then(() => this.clientIdle())
      .then(() => this.publisher.idle());
    if (!(await settlesWithin(quiet, timeoutMs))) {
      this.server.askToFinish();
      await settlesWithin(quiet, Math.min(finishGraceMs, timeoutMs));
      this.server.failAll(shuttingDown);
    }
    this.closed = true;
    this.publisher.close();
    this.client.closeAll();
    for (const timer of this.timers) clearInterval(timer);
    this.postman.flush();
    await nextTurn();
    await this.connection.drain().catch(() => this.connection.close());
    this.connected = false;
  }

  private async clientIdle(): Promise<void> {
    while (this.client.inFlight > 0) await sleep(10);
  }
}
