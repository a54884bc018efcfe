import type { GatewayErrorJson } from '#libs/contracts';
import { ServedCall } from '../calls/served-call.js';
import { bodyWindow, deadlineFlag, type FrameReader, frameTypes } from '../frame.js';
import { errorFields, type MessagingLogger } from '../messaging-logger.js';
import { decodeOpen, type OpenFrame } from '../open-frame.js';
import { Inbound, type InboundOwner, type ServedSubject } from './inbound.js';
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

/** A small body is copied: a view would keep the socket's whole 64 KiB read alive as long as the call. */
const copiedBodyBytes = 32 * 1024;

function owned(bytes: Buffer): Buffer {
  return bytes.length <= copiedBodyBytes ? Buffer.from(bytes) : bytes;
}

/** The server half of all calls of this process over NATS. */
export class CallServer implements InboundOwner {
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
      this.start(inbound, frame, owned(frame.body));
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
      case frameTypes.part:
        this.takePart(inbound, reader);
        break;
      default: // ALIVE
    }
  }

  peerLost(peer: Peer): void {
    for (const inbound of this.calls.values()) if (inbound.peer === peer) this.abandon(inbound, 'peer_lost');
  }

  /** Our own connection is gone: frames may have been lost. */
  allLost(): void {
    for (const inbound of this.calls.values()) this.breakOff(inbound);
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
    const pulledBytes = frame.bodyPulled ? frame.bodyBytes : undefined;
    inbound.call = new ServedCall({ subject: subject.subject, head, body, pulledBytes, deadlineMs, trace }, inbound);
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

  private takePart(inbound: Inbound, reader: FrameReader): void {
    const { call } = inbound;
    if (call && !call.takeBody(reader.flags, reader.sequence, owned(reader.payload()))) this.breakOff(inbound);
  }

  private releaseBody(inbound: Inbound): void {
    if (!inbound.body) return;
    this.pendingBodyBytes -= inbound.body.bytes.length;
    inbound.body = undefined;
  }

  /** Something was lost: both sides hear of it. */
  private breakOff(inbound: Inbound): void {
    if (!inbound.call?.isOver) inbound.sayGap();
    this.abandon(inbound, 'peer_lost');
  }

  private abandon(inbound: Inbound, reason: 'cancel' | 'deadline' | 'peer_lost'): void {
    if (inbound.call) inbound.call.abort(reason);
    else inbound.settled();
  }
}
