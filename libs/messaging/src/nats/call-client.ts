import type { GatewayErrorJson } from '#libs/contracts';
import { CallError, type CallHandle, type OutgoingCall, type ReplyHead, type ReplySink } from '../bus.js';
import { isBodySource } from '../calls/body-sender.js';
import { headIsNotJson, refusalOfBody } from '../calls/refusals.js';
import { type FrameReader, frameTypes, gapFlag } from '../frame.js';
import type { MessagingLogger } from '../messaging-logger.js';
import { encodeOpen } from '../open-frame.js';
import { Outbound, type OutboundOwner } from './outbound.js';
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

/** The client half of all calls of this process over NATS. */
export class CallClient implements OutboundOwner {
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
    const refusal = refusalOfBody(body, this.options.maxBodyBytes);
    if (refusal) {
      refuseLater(outbound, refusal);
      return outbound.call;
    }
    const pulled = isBodySource(body);
    const bodyFollows = !pulled && body.length > this.options.inlineBodyBytes;
    if (pulled) outbound.sendFrom(body);
    else if (bodyFollows) outbound.body = body;
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
      if (this.sweeps - outbound.heardAt > this.options.deadSweeps) lose(outbound);
      else outbound.sayAlive();
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
      case frameTypes.bodyPull:
        outbound.pullBody(reader.payload());
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
