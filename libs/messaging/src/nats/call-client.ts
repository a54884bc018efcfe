import type { GatewayErrorJson } from '#libs/contracts';
import { CallError, type CallHandle, type OutgoingCall, type ReplyHead, type ReplySink } from '../bus.js';
import { ClientCall, type ServerLink } from '../calls/client-call.js';
import { SendWindow } from '../calls/window.js';
import { bodyFrameBytes, bodyWindow, deadlineFlag, type FrameReader, frameTypes, gapFlag } from '../frame.js';
import { bodyTooLarge, headIsNotJson } from '../calls/refusals.js';
import { errorFields, type MessagingLogger } from '../messaging-logger.js';
import { encodeOpen } from '../open-frame.js';
import type { Peer, Postman } from './postman.js';

export interface CallClientOptions {
  readonly postman: Postman;
  /** Ours: `<inbox>.<call>` is where "nobody serves this" arrives. */
  readonly inbox: string;
  readonly logger: MessagingLogger;
  /** Larger bodies follow in frames. */
  readonly inlineBodyBytes: number;
  readonly maxBodyBytes: number;
  /** Sweeps without a sign of life after which a server counts as dead. */
  readonly deadSweeps: number;
}

/** A call in flight, seen from its client. */
class Outbound implements ServerLink {
  readonly call: ClientCall;
  /** Who took it; unknown until its ACCEPT. */
  peer: Peer | undefined;
  serverCall = 0;
  expected = 0;
  heardAt = 0;
  /** Rest of a body that follows in frames. */
  body: Uint8Array | undefined;
  readonly bodyCredit = new SendWindow(bodyWindow);
  private bodySequence = 0;
  private cancelled: 'cancel' | 'deadline' | undefined;

  constructor(
    readonly id: number,
    request: OutgoingCall,
    sink: ReplySink,
    private readonly client: CallClient,
  ) {
    this.call = new ClientCall(sink, this, request.deadlineMs);
  }

  accept(peer: Peer, serverCall: number): void {
    this.peer = peer;
    this.serverCall = serverCall;
    peer.calls += 1;
    if (this.cancelled) this.sendCancel(peer);
    else this.sendBody();
  }

  credit(total: number): void {
    if (!this.peer) return;
    this.client.postman.frame(this.peer, { type: frameTypes.credit, sequence: total, call: this.serverCall });
    this.client.postman.hurry();
  }

  cancel(reason: 'cancel' | 'deadline'): void {
    this.cancelled = reason;
    this.body = undefined;
    // A call that nobody accepted yet is cancelled when somebody does.
    if (this.peer) this.sendCancel(this.peer);
  }

  over(): void {
    this.body = undefined;
    this.forget();
  }

  forget(): void {
    if (this.client.remove(this.id) && this.peer) this.peer.calls -= 1;
  }

  sinkFailed(error: unknown): void {
    this.client.logger.error({ error: errorFields(error) }, 'the sink of a call threw');
  }

  sendBody(): void {
    const { postman } = this.client;
    while (this.body && this.peer && this.bodyCredit.room > 0) {
      const bytes = Math.min(bodyFrameBytes, this.body.length, this.bodyCredit.room);
      const header = { type: frameTypes.body, sequence: this.bodySequence, call: this.serverCall };
      postman.frame(this.peer, header, this.body.subarray(0, bytes));
      this.bodySequence += 1;
      this.bodyCredit.spend(bytes);
      this.body = bytes === this.body.length ? undefined : this.body.subarray(bytes);
    }
    postman.hurry();
  }

  private sendCancel(peer: Peer): void {
    const flags = this.cancelled === 'deadline' ? deadlineFlag : 0;
    this.client.postman.frame(peer, { type: frameTypes.cancel, flags, sequence: 0, call: this.serverCall });
    this.client.postman.hurry();
  }
}

/** The client half of all calls of this process over NATS. */
export class CallClient {
  readonly postman: Postman;
  readonly logger: MessagingLogger;
  private readonly calls = new Map<number, Outbound>();
  private lastId = 0;
  private sweeps = 0;

  constructor(private readonly options: CallClientOptions) {
    this.postman = options.postman;
    this.logger = options.logger;
  }

  /** Calls that the caller still waits for. */
  get inFlight(): number {
    let count = 0;
    for (const outbound of this.calls.values()) if (!outbound.call.isOver) count += 1;
    return count;
  }

  open(request: OutgoingCall, sink: ReplySink): CallHandle {
    this.lastId = (this.lastId + 1) >>> 0;
    const outbound = new Outbound(this.lastId, request, sink, this);
    outbound.heardAt = this.sweeps;
    this.calls.set(outbound.id, outbound);
    const { body } = request;
    if (body.length > this.options.maxBodyBytes) {
      refuseLater(outbound, bodyTooLarge(body.length, this.options.maxBodyBytes));
      return outbound.call;
    }
    const bodyFollows = body.length > this.options.inlineBodyBytes;
    if (bodyFollows) outbound.body = body;
    let data: Buffer;
    try {
      data = encodeOpen(request, outbound.id, bodyFollows);
    } catch {
      refuseLater(outbound, headIsNotJson());
      return outbound.call;
    }
    this.postman.letter({
      subject: request.subject,
      data,
      reply: `${this.options.inbox}.${outbound.id.toString(36)}`,
      // Cancelled before it left: nobody needs to hear of it.
      isWanted: () => !outbound.call.isOver || this.dropUnsent(outbound),
    });
    return outbound.call;
  }

  /** Ends a call that could not even be tried, after `call` has returned its handle. */
  refuse(sink: ReplySink, error: CallError): CallHandle {
    const outbound = new Outbound(-1, { subject: '', head: {}, body: nothing, deadlineMs: 60_000 }, sink, this);
    refuseLater(outbound, error);
    return outbound.call;
  }

  remove(id: number): boolean {
    return this.calls.delete(id);
  }

  noResponders(id: number, subjectOfNobody: string): void {
    const outbound = this.calls.get(id);
    if (!outbound) return;
    outbound.call.fail(new CallError('no_responders', subjectOfNobody));
    outbound.forget();
  }

  /** One frame from a server; `reader` stands on it. */
  receive(reader: FrameReader): void {
    const outbound = this.calls.get(reader.call);
    if (!outbound) return;
    outbound.heardAt = this.sweeps;
    if (reader.sequence !== outbound.expected) {
      outbound.call.breakOff(new CallError('gap', 'a part of the reply was lost on the way'));
      outbound.forget();
      return;
    }
    outbound.expected = (outbound.expected + 1) >>> 0;
    this.take(outbound, reader);
  }

  /** The other process is gone. */
  peerLost(peer: Peer): void {
    for (const outbound of this.calls.values()) if (outbound.peer === peer) lose(outbound);
  }

  /** Our own connection is gone: replies may have been lost. */
  allLost(): void {
    for (const outbound of this.calls.values()) {
      outbound.call.breakOff(new CallError('peer_lost', 'the connection to the bus was lost'));
      outbound.forget();
    }
  }

  /** Tells the servers that we live, and gives up on those that do not. */
  sweep(): void {
    this.sweeps += 1;
    for (const outbound of this.calls.values()) {
      if (this.sweeps - outbound.heardAt > this.options.deadSweeps) {
        lose(outbound);
      } else if (outbound.peer) {
        const header = { type: frameTypes.alive, sequence: 0, call: outbound.serverCall };
        this.postman.frame(outbound.peer, header);
      }
    }
    this.postman.soon();
  }

  /** Gives up what the caller still waits for. */
  closeAll(): void {
    for (const outbound of this.calls.values()) {
      if (!outbound.call.isOver) outbound.call.breakOff(new CallError('closed', 'this process is shutting down'));
    }
  }

  private take(outbound: Outbound, reader: FrameReader): void {
    const { call } = outbound;
    switch (reader.type) {
      case frameTypes.accept: {
        const payload = reader.payload();
        outbound.accept(this.postman.peer(payload.toString('latin1', 4)), payload.readUInt32LE(0));
        break;
      }
      case frameTypes.note:
        call.note(reader.json());
        break;
      case frameTypes.head:
        call.head(reader.json() as ReplyHead);
        break;
      case frameTypes.data:
        call.data(reader.payload());
        break;
      case frameTypes.end:
        call.end(reader.json());
        break;
      case frameTypes.error:
        if (reader.flags & gapFlag) call.fail(new CallError('gap', 'a part of the request body was lost on the way'));
        else call.remoteError(reader.json() as GatewayErrorJson);
        break;
      case frameTypes.bodyCredit:
        if (outbound.bodyCredit.raise(reader.payload().readUInt32LE(0))) outbound.sendBody();
        break;
      default: // PING, and what later versions may add
    }
  }

  private dropUnsent(outbound: Outbound): false {
    outbound.forget();
    return false;
  }
}

const nothing = new Uint8Array(0);

function lose(outbound: Outbound): void {
  outbound.call.fail(new CallError('peer_lost', 'the process that served this call vanished'));
  outbound.forget();
}

function refuseLater(outbound: Outbound, error: CallError): void {
  queueMicrotask(() => {
    outbound.call.fail(error);
    outbound.forget();
  });
}
