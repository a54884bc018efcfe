import type { GatewayErrorJson } from '#libs/contracts';
import type { IncomingCall, ReplyHead } from '../bus.js';
import type { ReplyPort, ServedCall } from '../calls/served-call.js';
import { frameTypes, gapFlag, maxDataBytes } from '../frame.js';
import type { OpenFrame } from '../open-frame.js';
import type { Peer, Postman } from './postman.js';

/** A subject that is served; counts its calls so that a stop can wait for them. */
export interface ServedSubject {
  readonly subject: string;
  readonly handler: (call: IncomingCall) => void;
  inFlight: number;
  onIdle: (() => void) | undefined;
}

/** The server half that an inbound call belongs to. */
export interface InboundOwner {
  readonly postman: Postman;
  readonly inbox: string;
  readonly sweeps: number;
  forget(inbound: Inbound): void;
}

/** A call in flight, seen from its server. */
export class Inbound implements ReplyPort {
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
    private readonly served: { server: InboundOwner; subject: ServedSubject },
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

  pullBody(opening: number, total: number): void {
    const payload = Buffer.allocUnsafe(5);
    payload.writeUInt8(opening, 0);
    payload.writeUInt32LE(total, 1);
    this.send(frameTypes.bodyPull, 0, payload);
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
