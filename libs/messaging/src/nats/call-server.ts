import type { GatewayErrorJson } from '#libs/contracts';
import type { IncomingCall, ReplyHead } from '../bus.js';
import { type ReplyPort, ServedCall } from '../calls/served-call.js';
import { bodyWindow, deadlineFlag, type FrameReader, frameTypes, gapFlag, maxDataBytes } from '../frame.js';
import { errorFields, type MessagingLogger } from '../messaging-logger.js';
import { decodeOpen, type OpenFrame } from '../open-frame.js';
import type { Peer, Postman } from './postman.js';

export interface CallServerOptions {
  readonly postman: Postman;
  /** Ours: where clients send credit, cancel and bodies. */
  readonly inbox: string;
  readonly logger: MessagingLogger;
  readonly maxBodyBytes: number;
  /** Bodies that arrive in frames, all together. */
  readonly maxPendingBodyBytes: number;
  readonly deadSweeps: number;
}

/** A subject that is served; counts its calls so that a stop can wait for them. */
export interface ServedSubject {
  readonly subject: string;
  readonly handler: (call: IncomingCall) => void;
  inFlight: number;
  onIdle: (() => void) | undefined;
}

/** A small body is copied: a view would keep the socket's whole 64 KiB read alive as long as the call. */
const copiedBodyBytes = 32 * 1024;

/** A call in flight, seen from its server. */
class Inbound implements ReplyPort {
  call: ServedCall | undefined;
  /** A body that arrives in frames, and the call it belongs to. */
  body: { frame: OpenFrame; bytes: Buffer; received: number; granted: number; sequence: number } | undefined;
  heardAt = 0;
  /** Of the last frame that was sent: a busy call needs no PING. */
  sentAt = 0;
  private sequence = 0;
  private dataSent = false;
  private over = false;

  constructor(
    readonly id: number,
    readonly peer: Peer,
    /** The client's number for the call. */
    private readonly clientCall: number,
    private readonly served: { server: CallServer; subject: ServedSubject },
  ) {}

  get subject(): ServedSubject {
    return this.served.subject;
  }

  accept(): void {
    const { server } = this.served;
    const payload = Buffer.allocUnsafe(4 + server.inbox.length);
    payload.writeUInt32LE(this.id, 0);
    payload.write(server.inbox, 4, 'latin1');
    this.send(frameTypes.accept, 0, payload);
    server.postman.soon();
  }

  note(note: object | undefined): void {
    this.sendJson(frameTypes.note, note);
    this.served.server.postman.hurry();
  }

  head(head: ReplyHead): void {
    this.sendJson(frameTypes.head, head);
    this.served.server.postman.hurry();
  }

  data(chunk: Uint8Array): void {
    const { server } = this.served;
    if (server.postman.extend(this.peer, this.clientCall, chunk)) return;
    for (let at = 0; at < chunk.length; at += maxDataBytes) {
      this.send(frameTypes.data, 0, chunk.length <= maxDataBytes ? chunk : chunk.subarray(at, at + maxDataBytes));
    }
    // The first content is what the user waits for; the rest may wait for company.
    if (this.dataSent) server.postman.soon();
    else server.postman.hurry();
    this.dataSent = true;
  }

  end(trailer: object | undefined): void {
    this.sendJson(frameTypes.end, trailer);
    this.served.server.postman.hurry();
  }

  fail(error: GatewayErrorJson): void {
    this.sendJson(frameTypes.error, error);
    this.served.server.postman.hurry();
  }

  /** Tells the client that something was lost; after our own connection broke it leaves once that is back. */
  sayGap(): void {
    this.send(frameTypes.error, gapFlag);
    this.served.server.postman.hurry();
  }

  grantBody(total: number): void {
    const payload = Buffer.allocUnsafe(4);
    payload.writeUInt32LE(total, 0);
    this.send(frameTypes.bodyCredit, 0, payload);
    this.served.server.postman.hurry();
  }

  ping(): void {
    this.send(frameTypes.ping, 0);
  }

  settled(): void {
    if (this.over) return;
    this.over = true;
    this.peer.calls -= 1;
    this.served.server.forget(this);
  }

  private send(type: number, flags: number, payload?: Uint8Array): void {
    const { server } = this.served;
    this.sentAt = server.sweeps;
    server.postman.frame(this.peer, { type, flags, sequence: this.sequence, call: this.clientCall }, payload);
    this.sequence = (this.sequence + 1) >>> 0;
  }

  private sendJson(type: number, value: object | undefined): void {
    if (value === undefined) {
      this.send(type, 0);
      return;
    }
    const { server } = this.served;
    this.sentAt = server.sweeps;
    const header = { type, sequence: this.sequence, call: this.clientCall };
    server.postman.textFrame(this.peer, header, JSON.stringify(value));
    this.sequence = (this.sequence + 1) >>> 0;
  }
}

/** The server half of all calls of this process over NATS. */
export class CallServer {
  readonly postman: Postman;
  readonly inbox: string;
  sweeps = 0;
  private readonly calls = new Map<number, Inbound>();
  private lastId = 0;
  private pendingBodyBytes = 0;

  constructor(private readonly options: CallServerOptions) {
    this.postman = options.postman;
    this.inbox = options.inbox;
  }

  get inFlight(): number {
    return this.calls.size;
  }

  /** The opening message of a call; `reply` is `<client inbox>.<call>`. */
  open(subject: ServedSubject, message: Uint8Array, reply: string): void {
    const frame = decodeOpen(message);
    const peer = this.postman.peer(reply.slice(0, reply.lastIndexOf('.')));
    this.lastId = (this.lastId + 1) >>> 0;
    const inbound = new Inbound(this.lastId, peer, frame.call, { server: this, subject });
    inbound.heardAt = this.sweeps;
    this.calls.set(inbound.id, inbound);
    peer.calls += 1;
    subject.inFlight += 1;
    inbound.accept();
    if (!frame.bodyFollows) {
      const body = frame.body.length <= copiedBodyBytes ? Buffer.from(frame.body) : frame.body;
      this.start(inbound, frame, body);
      return;
    }
    this.awaitBody(inbound, frame);
  }

  /** One frame from a client; `reader` stands on it. */
  receive(reader: FrameReader): void {
    const inbound = this.calls.get(reader.call);
    if (!inbound) return;
    inbound.heardAt = this.sweeps;
    switch (reader.type) {
      case frameTypes.credit:
        inbound.call?.credit(reader.sequence);
        break;
      case frameTypes.cancel:
        this.abandon(inbound, reader.flags & deadlineFlag ? 'deadline' : 'cancel');
        break;
      case frameTypes.body:
        this.takeBody(inbound, reader);
        break;
      default: // ALIVE
    }
  }

  peerLost(peer: Peer): void {
    for (const inbound of this.calls.values()) if (inbound.peer === peer) this.abandon(inbound, 'peer_lost');
  }

  /** Our own connection is gone: frames may have been lost. */
  allLost(): void {
    for (const inbound of this.calls.values()) {
      if (!inbound.call?.isOver) inbound.sayGap();
      this.abandon(inbound, 'peer_lost');
    }
  }

  /** Tells the clients that we live, and gives up on those that do not. */
  sweep(): void {
    this.sweeps += 1;
    for (const inbound of this.calls.values()) {
      if (this.sweeps - inbound.heardAt > this.options.deadSweeps) this.abandon(inbound, 'peer_lost');
      else if (inbound.sentAt < this.sweeps - 1 && !inbound.call?.isOver) inbound.ping();
    }
    this.postman.soon();
  }

  /** Asks the handlers to finish. */
  askToFinish(): void {
    for (const inbound of this.calls.values()) inbound.call?.askToFinish();
  }

  /** Fails what did not finish. */
  failAll(error: GatewayErrorJson): void {
    for (const inbound of this.calls.values()) {
      if (inbound.call) inbound.call.fail(error);
      else inbound.fail(error);
    }
  }

  forget(inbound: Inbound): void {
    this.calls.delete(inbound.id);
    this.releaseBody(inbound);
    const { subject } = inbound;
    subject.inFlight -= 1;
    if (subject.inFlight === 0) subject.onIdle?.();
  }

  private start(inbound: Inbound, frame: OpenFrame, body: Buffer): void {
    const { subject } = inbound;
    const { head, deadlineMs, trace } = frame;
    inbound.call = new ServedCall({ subject: subject.subject, head, body, deadlineMs, trace }, inbound);
    try {
      subject.handler(inbound.call);
    } catch (error) {
      this.options.logger.error({ subject: subject.subject, error: errorFields(error) }, 'the handler of a call threw');
      inbound.call.fail({ code: 'internal_error', message: 'The gateway failed to handle this request.' });
    }
  }

  private awaitBody(inbound: Inbound, frame: OpenFrame): void {
    const { maxBodyBytes, maxPendingBodyBytes } = this.options;
    if (frame.bodyBytes > maxBodyBytes || this.pendingBodyBytes + frame.bodyBytes > maxPendingBodyBytes) {
      const message = 'Too many large requests arrive at once. Retry in a moment.';
      inbound.fail({ code: 'overloaded', message });
      inbound.settled();
      return;
    }
    this.pendingBodyBytes += frame.bodyBytes;
    const bytes = Buffer.allocUnsafe(frame.bodyBytes);
    inbound.body = { frame, bytes, received: 0, granted: bodyWindow, sequence: 0 };
    this.postman.hurry();
  }

  private takeBody(inbound: Inbound, reader: FrameReader): void {
    const { body } = inbound;
    if (!body) return;
    const chunk = reader.payload();
    if (reader.sequence !== body.sequence || body.received + chunk.length > body.bytes.length) {
      inbound.sayGap();
      inbound.settled();
      return;
    }
    body.sequence += 1;
    body.bytes.set(chunk, body.received);
    body.received += chunk.length;
    if (body.received === body.bytes.length) {
      this.releaseBody(inbound);
      this.start(inbound, body.frame, body.bytes);
    } else if (body.granted - body.received <= bodyWindow / 2) {
      body.granted = body.received + bodyWindow;
      inbound.grantBody(body.granted);
    }
  }

  private releaseBody(inbound: Inbound): void {
    if (!inbound.body) return;
    this.pendingBodyBytes -= inbound.body.bytes.length;
    inbound.body = undefined;
  }

  private abandon(inbound: Inbound, reason: 'cancel' | 'deadline' | 'peer_lost'): void {
    if (inbound.call) inbound.call.abort(reason);
    else inbound.settled();
  }
}
