import type { BodySource, CallError, OutgoingCall, ReplySink } from '../bus.js';
import { BodySender, type BodySenderLink } from '../calls/body-sender.js';
import { ClientCall, type ServerLink } from '../calls/client-call.js';
import { SendWindow } from '../calls/window.js';
import { bodyFrameBytes, bodyWindow, deadlineFlag, frameTypes } from '../frame.js';
import { errorFields, type MessagingLogger } from '../messaging-logger.js';
import type { Peer, Postman } from './postman.js';

/** The client half that an outbound call belongs to. */
export interface OutboundOwner {
  readonly postman: Postman;
  readonly logger: MessagingLogger;
  /** False when it was forgotten before. */
  remove(id: number): boolean;
}

/** A call in flight, seen from its client. */
export class Outbound implements ServerLink, BodySenderLink {
  readonly call: ClientCall;
  /** Who took it; unknown until its ACCEPT. */
  peer: Peer | undefined;
  serverCall = 0;
  expected = 0;
  heardAt = 0;
  /** Rest of a body that follows in frames. */
  body: Uint8Array | undefined;
  readonly bodyCredit = new SendWindow(bodyWindow);
  /** Of a body that the server pulls. */
  private sender: BodySender | undefined;
  private bodySequence = 0;
  private cancelled: 'cancel' | 'deadline' | undefined;

  constructor(
    readonly id: number,
    request: OutgoingCall,
    sink: ReplySink,
    private readonly client: OutboundOwner,
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
    this.stopBody();
    // A call that nobody accepted yet is cancelled when somebody does.
    if (this.peer) this.sendCancel(this.peer);
  }

  over(): void {
    this.stopBody();
    this.forget();
  }

  forget(): void {
    if (this.client.remove(this.id) && this.peer) this.peer.calls -= 1;
  }

  sinkFailed(error: unknown): void {
    this.client.logger.error({ error: errorFields(error) }, 'the sink of a call threw');
  }

  /** Nothing of it is read before the server asks. */
  sendFrom(source: BodySource): void {
    this.sender = new BodySender(source, this);
  }

  pullBody(payload: Buffer): void {
    this.sender?.pull(payload.readUInt8(0), payload.readUInt32LE(1));
  }

  part(opening: number, position: number, chunk: Uint8Array): void {
    if (!this.peer) return;
    const header = { type: frameTypes.part, flags: opening, sequence: position, call: this.serverCall };
    this.client.postman.frame(this.peer, header, chunk);
    this.client.postman.hurry();
  }

  failed(error: CallError): void {
    this.call.breakOff(error);
  }

  /** A sign of life. That of a body tells how far it is: the loss of its last frame shows, too. */
  sayAlive(): void {
    const { peer, sender, serverCall: call } = this;
    if (!peer) return;
    const alive = { type: frameTypes.alive, sequence: 0, call };
    const header = sender?.isUnderWay
      ? { type: frameTypes.part, flags: sender.opening, sequence: sender.position, call }
      : alive;
    this.client.postman.frame(peer, header);
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

  private stopBody(): void {
    this.body = undefined;
    this.sender?.stop();
  }

  private sendCancel(peer: Peer): void {
    const flags = this.cancelled === 'deadline' ? deadlineFlag : 0;
    this.client.postman.frame(peer, { type: frameTypes.cancel, flags, sequence: 0, call: this.serverCall });
    this.client.postman.hurry();
  }
}
