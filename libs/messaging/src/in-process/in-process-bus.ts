import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Bus,
  CallError,
  type CallHandle,
  type ConsumeOptions,
  type EventDelivery,
  type IncomingCall,
  type OutgoingCall,
  type ReplySink,
  type Server,
  type TraceHeaders,
} from '../bus.js';
import { headIsNotJson, refusalOfBody, shuttingDown } from '../calls/refusals.js';
import { isBodySource } from '../calls/body-sender.js';
import { ServedCall } from '../calls/served-call.js';
import { errorFields, type MessagingLogger, silentLogger } from '../messaging-logger.js';
import { settlesWithin } from '../settles-within.js';
import { subjectMatches } from '../subject-matches.js';
import { InProcessCall } from './in-process-call.js';
import { InProcessEvents } from './in-process-events.js';

/** What may differ from the defaults. */
export interface InProcessBusOptions {
  readonly logger?: MessagingLogger;
  readonly maxBodyBytes?: number;
  /** How long an event waits for a consumer, and for its success, before its publisher hears of a failure. */
  readonly eventGiveUpMs?: number;
  readonly maxQueuedEvents?: number;
  /** First delay after a consumer rejected; doubles up to 5 s. */
  readonly eventRetryMs?: number;
}

/** Servers of one subject in one queue group take turns. */
interface Group {
  readonly queue: string;
  readonly members: Served[];
  turn: number;
}

interface Served {
  readonly handler: (call: IncomingCall) => void;
  readonly calls: Set<InProcessCall>;
  onIdle: (() => void) | undefined;
}

const defaultMaxBodyBytes = 64 * 1024 * 1024;
const finishGraceMs = 2_000;
const noTrace: TraceHeaders = Object.freeze({});
const nothing = new Uint8Array(0);

/** The bus of a gateway that runs in one process: the same rules as over NATS, and no copies. */
export function createInProcessBus(options: InProcessBusOptions = {}): Bus & { readonly callsInFlight: number } {
  return new InProcessBus(options);
}

class InProcessBus implements Bus {
  readonly kind = 'in-process';
  private readonly groups = new Map<string, Group[]>();
  private readonly inFlight = new Set<InProcessCall>();
  private readonly servers = new Set<Server>();
  private readonly listeners = new Set<{ subject: string; handler: (payload: unknown) => void }>();
  private readonly logger: MessagingLogger;
  private readonly maxBodyBytes: number;
  private readonly events: InProcessEvents;
  private closed = false;
  private closing: Promise<void> | undefined;

  constructor(options: InProcessBusOptions) {
    this.logger = options.logger ?? silentLogger;
    this.maxBodyBytes = options.maxBodyBytes ?? defaultMaxBodyBytes;
    this.events = new InProcessEvents({
      logger: this.logger,
      giveUpMs: options.eventGiveUpMs ?? 60_000,
      maxQueuedEvents: options.maxQueuedEvents ?? 10_000,
      firstRetryMs: options.eventRetryMs ?? 250,
    });
  }

  get connected(): boolean {
    return !this.closed;
  }

  get callsInFlight(): number {
    return this.inFlight.size;
  }

  call(request: OutgoingCall, sink: ReplySink): CallHandle {
    const call = new InProcessCall(sink, request.deadlineMs, (error) => this.sinkFailed(request.subject, error));
    this.inFlight.add(call);
    call.onSettled = () => this.inFlight.delete(call);
    // As it was when the call was made: the caller may change the object afterwards.
    const head = snapshot(request.head);
    // The caller has its handle before the first callback, as with any bus.
    queueMicrotask(() => this.deliver(call, request, head));
    return call.handle;
  }

  serve(subject: string, queue: string, handler: (call: IncomingCall) => void): Server {
    const served: Served = { handler, calls: new Set(), onIdle: undefined };
    const groups = this.groups.get(subject) ?? [];
    this.groups.set(subject, groups);
    let group = groups.find((candidate) => candidate.queue === queue);
    if (!group) groups.push((group = { queue, members: [], turn: 0 }));
    const { members } = group;
    members.push(served);
    const { promise: idle, resolve } = Promise.withResolvers<void>();
    let stopping: Promise<void> | undefined;
    const stop = async (): Promise<void> => {
      members.splice(members.indexOf(served), 1);
      served.onIdle = resolve;
      if (served.calls.size === 0) resolve();
      await idle;
      this.servers.delete(server);
    };
    const server: Server = { stop: () => (stopping ??= stop()) };
    this.servers.add(server);
    return server;
  }

  async publishEvent(subject: string, event: object, headers: TraceHeaders = noTrace): Promise<void> {
    await this.events.publish(subject, event, headers);
  }

  consumeEvents(options: ConsumeOptions, handler: (batch: readonly EventDelivery[]) => Promise<void>): Promise<Server> {
    return Promise.resolve(this.events.consume(options, handler));
  }

  broadcast(subject: string, payload: object): void {
    const text = JSON.stringify(payload);
    for (const listener of this.listeners) {
      if (subjectMatches(listener.subject, subject)) queueMicrotask(() => this.tell(listener, text));
    }
  }

  onBroadcast(subject: string, handler: (payload: unknown) => void): Server {
    const listener = { subject, handler };
    this.listeners.add(listener);
    return { stop: () => Promise.resolve(void this.listeners.delete(listener)) };
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }

  async finishCalls(graceMs: number): Promise<void> {
    for (const { incoming } of this.inFlight) incoming?.askToFinish();
    const endsAt = performance.now() + graceMs;
    while (this.inFlight.size > 0 && performance.now() < endsAt) await sleep(10);
    for (const { incoming } of this.inFlight) incoming?.fail(shuttingDown);
  }

  drain(timeoutMs: number): Promise<void> {
    this.closing ??= this.drainAndClose(timeoutMs);
    return this.closing;
  }

  private deliver(call: InProcessCall, request: OutgoingCall, head: unknown): void {
    if (call.isOver) {
      call.settled();
      return;
    }
    const refusal = head === undefined ? headIsNotJson() : this.refusalOf(request);
    const served = refusal ? undefined : this.pick(request.subject);
    if (!served) {
      call.refuse(refusal ?? new CallError('no_responders', 'nobody serves this subject'));
      return;
    }
    const { subject, body, deadlineMs, trace = noTrace } = request;
    const pulled = isBodySource(body);
    if (pulled) call.sendFrom(body);
    const sent = { body: pulled ? nothing : body, pulledBytes: pulled ? body.length : undefined };
    const incoming = new ServedCall({ subject, head, ...sent, deadlineMs, trace: { ...trace } }, call);
    call.incoming = incoming;
    served.calls.add(call);
    call.onSettled = () => {
      this.inFlight.delete(call);
      served.calls.delete(call);
      if (served.calls.size === 0) served.onIdle?.();
    };
    try {
      served.handler(incoming);
    } catch (error) {
      this.logger.error({ subject, error: errorFields(error) }, 'the handler of a call threw');
      incoming.fail({ code: 'internal_error', message: 'The gateway failed to handle this request.' });
    }
  }

  private refusalOf(request: OutgoingCall): CallError | undefined {
    if (this.closed) return new CallError('closed', 'this process is shutting down');
    return refusalOfBody(request.body, this.maxBodyBytes);
  }

  /** One server of the subject; a subject with several queue groups is a mistake of NATS users that we do not copy. */
  private pick(subject: string): Served | undefined {
    const group = this.groups.get(subject)?.find(({ members }) => members.length > 0);
    if (!group) return undefined;
    group.turn = (group.turn + 1) % group.members.length;
    return group.members[group.turn];
  }

  private tell(listener: { subject: string; handler: (payload: unknown) => void }, text: string): void {
    try {
      listener.handler(JSON.parse(text));
    } catch (error) {
      this.logger.error({ subject: listener.subject, error: errorFields(error) }, 'a broadcast could not be handled');
    }
  }

  private sinkFailed(subject: string, error: unknown): void {
    this.logger.error({ subject, error: errorFields(error) }, 'the sink of a call threw');
  }

  private async drainAndClose(timeoutMs: number): Promise<void> {
    const quiet = Promise.all([...this.servers].map((server) => server.stop())).then(() => this.events.idle());
    if (!(await settlesWithin(quiet, timeoutMs))) {
      const graceMs = Math.min(finishGraceMs, timeoutMs);
      await Promise.all([this.finishCalls(graceMs), settlesWithin(quiet, graceMs)]);
    }
    this.closed = true;
    await this.events.close();
  }
}

/** What the other side of a wire would get; undefined if it is no JSON. */
function snapshot(head: object): unknown {
  try {
    return JSON.parse(JSON.stringify(head));
  } catch {
    return undefined;
  }
}
