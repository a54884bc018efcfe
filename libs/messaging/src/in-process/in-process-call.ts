import type { GatewayErrorJson } from '#libs/contracts';
import type { BodySource, CallError, CallHandle, ReplyHead, ReplySink } from '../bus.js';
import { BodySender } from '../calls/body-sender.js';
import { ClientCall, type ServerLink } from '../calls/client-call.js';
import type { ReplyPort, ServedCall } from '../calls/served-call.js';

/** Both ends of a call in one process: what the server sends is what the client hears, in the same turn. */
export class InProcessCall implements ReplyPort, ServerLink {
  readonly handle: CallHandle;
  incoming: ServedCall | undefined;
  onSettled: (() => void) | undefined;
  private readonly client: ClientCall;
  private sender: BodySender | undefined;

  constructor(
    sink: ReplySink,
    deadlineMs: number,
    readonly sinkFailed: (error: unknown) => void,
  ) {
    this.client = new ClientCall(sink, this, deadlineMs);
    this.handle = this.client;
  }

  get isOver(): boolean {
    return this.client.isOver;
  }

  /** The body is read when the server opens it. */
  sendFrom(source: BodySource): void {
    this.sender = new BodySender(source, {
      part: (opening, position, chunk) => void this.incoming?.takeBody(opening, position, chunk), // nothing gets lost here
      failed: (error) => this.client.breakOff(error),
    });
  }

  pullBody(opening: number, total: number): void {
    this.sender?.pull(opening, total);
  }

  note(note: object | undefined): void {
    this.client.note(roundTrip(note));
  }

  head(head: ReplyHead): void {
    this.client.head({ status: head.status, headers: { ...head.headers } });
  }

  data(chunk: Uint8Array): void {
    this.client.data(chunk);
  }

  end(trailer: object | undefined): void {
    this.client.end(roundTrip(trailer));
  }

  fail(error: GatewayErrorJson): void {
    this.client.remoteError(roundTrip(error) as GatewayErrorJson);
  }

  settled(): void {
    this.onSettled?.();
    this.onSettled = undefined;
  }

  /** The call reached no server. */
  refuse(error: CallError): void {
    this.settled();
    this.client.fail(error);
  }

  credit(total: number): void {
    this.incoming?.credit(total);
  }

  cancel(reason: 'cancel' | 'deadline'): void {
    this.sender?.stop();
    this.incoming?.abort(reason);
  }

  over(): void {
    // The server's side settles by itself.
    this.sender?.stop();
  }
}

/** What the other side of a wire would get: no shared references, no undefined. */
function roundTrip(value: object | undefined): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}
