import type { GatewayErrorJson } from '#libs/contracts';
import { CallError, type CallHandle, type ReplyHead, type ReplySink } from '../bus.js';
import { ReceiveWindow } from './window.js';

/** What a client call tells its server; one per adapter. */
export interface ServerLink {
  /** Cumulative, modulo 2^32. */
  credit(total: number): void;
  cancel(reason: 'cancel' | 'deadline'): void;
  /** Nothing more comes or goes: forget the call. */
  over(): void;
  /** The sink threw: a bug of its owner, which must not reach the wire's reader. */
  sinkFailed(error: unknown): void;
}

/** Longer timers overflow in Node and fire at once. */
const longestTimerMs = 2 ** 31 - 1;

/** A call at its client: exactly one end, credit, deadline. Knows nothing of the wire. */
export class ClientCall implements CallHandle {
  private readonly window = new ReceiveWindow();
  private readonly timer: NodeJS.Timeout;
  private closed = false;
  /** Given up here while the server may be at work: until it says that it stopped. */
  private givenUp: { readonly lateNotes: unknown[] } | undefined;

  constructor(
    private readonly sink: ReplySink,
    private readonly link: ServerLink,
    deadlineMs: number,
  ) {
    this.timer = setTimeout(() => this.expire(), Math.min(Math.max(deadlineMs, 1), longestTimerMs));
  }

  get isOver(): boolean {
    return this.closed;
  }

  grant(bytes: number): void {
    if (this.closed) return;
    const total = this.window.consume(bytes);
    if (total >= 0) this.link.credit(total);
  }

  cancel(_reason: string): void {
    if (this.closed) return;
    this.giveUp('cancel');
  }

  note(note: unknown): void {
    if (this.closed) {
      this.givenUp?.lateNotes.push(note);
      return;
    }
    try {
      this.sink.onNote?.(note);
    } catch (error) {
      this.sinkThrew(error);
    }
  }

  head(head: ReplyHead): void {
    if (this.closed) return;
    try {
      this.sink.onHead(head);
    } catch (error) {
      this.sinkThrew(error);
    }
  }

  data(chunk: Uint8Array): void {
    if (this.closed) return;
    if (!this.window.receive(chunk.length)) {
      this.breakOff(new CallError('overflow', 'the server sent more than it was granted'));
      return;
    }
    try {
      this.sink.onData(chunk);
    } catch (error) {
      this.sinkThrew(error);
    }
  }

  end(trailer: unknown): void {
    if (this.closed) {
      this.settle(false);
      return;
    }
    this.close();
    this.link.over();
    try {
      this.sink.onEnd(trailer);
    } catch (error) {
      this.link.sinkFailed(error);
    }
  }

  /** The handler failed: it needs no cancel. */
  remoteError(error: GatewayErrorJson): void {
    this.fail(new CallError('remote', error.message, error));
  }

  /** Ends the call here; the server is gone or done. */
  fail(error: CallError): void {
    if (this.closed) {
      this.settle(hasVanished(error));
      return;
    }
    this.close();
    this.link.over();
    this.tellError(error);
  }

  /** Ends the call here while the server may still be at work: it is told to stop. */
  breakOff(error: CallError): void {
    const reason = error.reason === 'deadline' ? 'deadline' : 'cancel';
    if (!this.closed && !hasVanished(error)) {
      this.giveUp(reason);
      this.tellError(error);
      return;
    }
    if (!this.closed) this.link.cancel(reason);
    this.fail(error);
  }

  /** The sink is told nothing more of it, unless the server vanishes before it confirms. */
  private giveUp(reason: 'cancel' | 'deadline'): void {
    this.close();
    this.givenUp = { lateNotes: [] };
    this.link.cancel(reason);
  }

  /** The end of a call that was given up. */
  private settle(vanished: boolean): void {
    const { givenUp } = this;
    if (!givenUp) return;
    this.givenUp = undefined;
    this.link.over();
    if (!vanished) return;
    try {
      this.sink.onAbandoned?.(givenUp.lateNotes);
    } catch (error) {
      this.link.sinkFailed(error);
    }
  }

  private tellError(error: CallError): void {
    try {
      this.sink.onError(error);
    } catch (thrown) {
      this.link.sinkFailed(thrown);
    }
  }

  private expire(): void {
    this.breakOff(new CallError('deadline', 'the call did not end in time'));
  }

  private sinkThrew(error: unknown): void {
    this.link.sinkFailed(error);
    this.breakOff(new CallError('closed', 'the reply could not be taken in'));
  }

  private close(): void {
    this.closed = true;
    clearTimeout(this.timer);
  }
}

/** The server, or its word, is lost: who waits for it must not wait on. */
function hasVanished(error: CallError): boolean {
  return error.reason === 'peer_lost' || error.reason === 'gap';
}
