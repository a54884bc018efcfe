import type { Readable } from 'node:stream';
import type { GatewayErrorJson } from '#libs/contracts';

/**
 * The bus of the gateway: streaming calls, events, broadcasts. Two adapters (NATS, in-process) pass one conformance
 * suite. Everything is bounded: a reader that stops granting credit stops the writer.
 */
export interface Bus {
  readonly kind: 'nats' | 'in-process';
  /** Starts a streaming call on a subject. Never throws: every failure reaches `sink.onError`, once. */
  call(request: OutgoingCall, sink: ReplySink): CallHandle;
  /** Serves a subject in a queue group: each call reaches one server. */
  serve(subject: string, queue: string, handler: (call: IncomingCall) => void): Server;
  /** Resolves once the event is stored (JetStream PubAck; in-process: once the consumer committed it). Batches by itself. */
  publishEvent(subject: string, event: object, headers?: TraceHeaders): Promise<void>;
  /** Durable consumer; a batch is acknowledged after the handler resolves and delivered again if it rejects. */
  consumeEvents(options: ConsumeOptions, handler: (batch: readonly EventDelivery[]) => Promise<void>): Promise<Server>;
  /** Best-effort fan-out to every process. */
  broadcast(subject: string, payload: object): void;
  onBroadcast(subject: string, handler: (payload: unknown) => void): Server;
  /** Resolves once the broker knows of every subject that is served and listened to so far. */
  flush(): Promise<void>;
  /** False while the connection is away. */
  readonly connected: boolean;
  /**
   * Ends the calls in flight while there is still a way to their callers; the bus stays open. Handlers are asked to
   * finish (`signal.reason` is `drain`); after `graceMs` what goes on is failed, and calls made from here end in `closed`.
   */
  finishCalls(graceMs: number): Promise<void>;
  /** Serves nothing new, waits for calls in flight up to `timeoutMs`, flushes events, closes. */
  drain(timeoutMs: number): Promise<void>;
}

/** W3C trace context: `traceparent`, `tracestate`. */
export type TraceHeaders = Record<string, string>;

/** A request body that is read while it is sent, and again should the server ask for it again: files on a disk. */
export interface BodySource {
  /** Bytes of the whole body; below 4 GiB. */
  readonly length: number;
  /**
   * Up to `maxBytes` from `position` on; never none before the end, and not written to afterwards. One `read` at a time.
   * A rejection fails the call (`body_failed`). None begins after the call has ended; one may still be under way then.
   */
  read(position: number, maxBytes: number): Promise<Uint8Array>;
}

/** What `call` sends: one request, answered by one server of the subject. */
export interface OutgoingCall {
  readonly subject: string;
  /** Small JSON object; validated by the handler. */
  readonly head: object;
  /**
   * Request body: bytes, sent at once (larger than one frame is split, up to the adapter's `maxBodyBytes`), or a source,
   * of which nothing is read until the server opens the body.
   */
  readonly body: Uint8Array | BodySource;
  /** Milliseconds until the whole call is given up; travels with the call. */
  readonly deadlineMs: number;
  readonly trace?: TraceHeaders;
}

/** Where the reply of a call goes. Callbacks run in order; nothing follows `onEnd` or `onError` but `onAbandoned`. */
export interface ReplySink {
  /** A server took the call. `notes` come with it and later: facts the server wants known even if it dies. */
  onNote?(note: unknown): void;
  /** Status and headers, before any data. */
  onHead(head: ReplyHead): void;
  /** A view, valid during the callback only. Grant credit through the handle once it is written on. */
  onData(chunk: Uint8Array): void;
  onEnd(trailer: unknown): void;
  onError(error: CallError): void;
  /**
   * The call was given up here (`cancel`, or an error that is not the server's), and the server vanished before it
   * confirmed that it stopped. Once at most, within the dead interval. `lateNotes` crossed the cancel on their way.
   */
  onAbandoned?(lateNotes: readonly unknown[]): void;
}

/** HTTP status and lower-case headers of a reply; sent once, before its data. */
export interface ReplyHead {
  readonly status: number;
  readonly headers: Record<string, string>;
}

/** The client side of a call under way: lets the writer go on, or gives the call up. */
export interface CallHandle {
  /** The reader has passed on this many further bytes: the writer may send as many more. */
  grant(bytes: number): void;
  /** Tells the server within one tick; the sink hears nothing more, unless `onAbandoned`. */
  cancel(reason: string): void;
}

/** Why a call ended badly, as the client side sees it. */
export class CallError extends Error {
  constructor(
    /**
     * no_responders: nobody serves the subject, nothing was started. peer_lost: the server vanished.
     * gap: a frame was lost. deadline: time is up. remote: the handler failed with a `gateway` error.
     * overflow: the server sent beyond its credit. closed: this bus is shutting down. body_failed: our own source of
     * the request body failed (`cause`).
     */
    readonly reason:
      | 'no_responders'
      | 'peer_lost'
      | 'gap'
      | 'deadline'
      | 'remote'
      | 'overflow'
      | 'closed'
      | 'body_failed',
    message: string,
    readonly gateway?: GatewayErrorJson,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'CallError';
  }
}

/** A call as its server sees it. Send `accept`, then one head, data, and end or fail. */
export interface IncomingCall {
  readonly subject: string;
  readonly head: unknown;
  /** The whole body; empty when the client sends it from a source, which only `openBody` reads. */
  readonly body: Uint8Array;
  /** Of the whole body, however it is sent. */
  readonly bodyBytes: number;
  /**
   * The body from its first byte on, exactly `bodyBytes` long. Opened again (a further attempt) it begins anew, and the
   * stream before is destroyed. A client's source is read only as fast as this is. Destroyed with an error when the call
   * is given up or ended, and when the process stops; who does not listen to it takes no harm.
   */
  openBody(): Readable;
  /** Milliseconds left when the call arrived. */
  readonly deadlineMs: number;
  readonly trace: TraceHeaders;
  /** Aborts on cancel, on a vanished client and at the deadline; `signal.reason` is a string: cancel | peer_lost | deadline | drain. */
  readonly signal: AbortSignal;
  /** Told when the process stops and this call still goes on, even if it was given up before (`signal` aborts once only). */
  whenStopping(listener: () => void): void;
  /** Tells the client that work begins; at most once, before the head. */
  accept(note?: object): void;
  /** A further fact for the client, at any time before the end. */
  note(note: object): void;
  sendHead(head: ReplyHead): void;
  /** False when the window is used up: wait for `writable()` before the next write. Takes ownership of no buffer: copies or sends at once. */
  write(chunk: Uint8Array): boolean;
  /** Resolves when the window has room again, or at once when the call is over (look at `signal`). */
  writable(): Promise<void>;
  /** Every call must be ended or failed, also after an abort: a stop waits for it. */
  end(trailer?: object): void;
  fail(error: GatewayErrorJson): void;
  /** `end` or `fail` was called. */
  readonly isFinished: boolean;
}

/** Which stored events a durable consumer gets, and how large its batches are. */
export interface ConsumeOptions {
  readonly subject: string;
  /** Durable name, one per consuming app. */
  readonly durable: string;
  readonly maxBatch: number;
  /**
   * How long the first event of a batch may wait for company. Where events are stored on their own (NATS) nobody waits
   * for the consumer; in-process the publisher does, so there it is a millisecond at most, and only while busy.
   */
  readonly lingerMs?: number;
}

/** One stored event as its consumer gets it; seen more than once when a batch was not acknowledged. */
export interface EventDelivery {
  readonly subject: string;
  readonly event: unknown;
  readonly trace: TraceHeaders;
  /** 1 on first delivery. */
  readonly deliveries: number;
}

/** Something that listens; `stop` waits for its handlers in flight. */
export interface Server {
  stop(): Promise<void>;
}
