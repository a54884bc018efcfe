import type { IncomingMessage } from 'node:http';
import { GatewayError } from '#libs/contracts';
import { abandoned } from './spool.js';

type Settle = { resolve: (chunk: Buffer | undefined) => void; reject: (error: GatewayError) => void };

/** How slowly a sender may send: silent for `idleMs`, and from the second window on no slower than `bytesPerSecond`. */
export interface SenderPace {
  readonly idleMs: number;
  readonly windowMs?: number;
  readonly bytesPerSecond?: number;
}

/**
 * Reads a request body: the socket waits while nobody asks. A piece is all that has arrived, since a sender decides how
 * small its chunks are, and each piece that is handed on costs a turn.
 */
export class BodyReader {
  private waiting: Settle | undefined;
  private ended = false;
  private problem: GatewayError | undefined;
  private readonly idle: NodeJS.Timeout;
  private readonly rate: NodeJS.Timeout;
  private readonly bytesPerMs: number;
  private readonly judgedMs: number;
  private isFirstWindow = true;
  private windowBytes = 0;
  /** In this window, with nothing to read: what our own disk takes is not the sender's slowness. */
  private waitedMs = 0;
  private waitingSince = 0;

  constructor(
    private readonly raw: IncomingMessage,
    { idleMs, windowMs = 30_000, bytesPerSecond = 4096 }: SenderPace,
  ) {
    this.bytesPerMs = bytesPerSecond / 1_000;
    this.judgedMs = windowMs / 2;
    this.idle = setTimeout(() => this.tooSlow(), idleMs).unref();
    this.rate = setInterval(() => this.judge(), windowMs).unref();
    raw.on('readable', this.take).once('end', this.end).once('error', this.broken).once('close', this.broken);
    if (raw.destroyed) this.broken();
  }

  /** Undefined at the end; rejects when the caller left, fell asleep or trickles. */
  next(): Promise<Buffer | undefined> {
    this.idle.refresh();
    if (this.problem) return Promise.reject(this.problem);
    if (this.ended) return Promise.resolve(undefined);
    const chunk = this.read();
    if (chunk) return Promise.resolve(chunk);
    this.waitingSince = performance.now();
    return new Promise((resolve, reject) => (this.waiting = { resolve, reject }));
  }

  /** What is left of the body is thrown away: the answer decides how much of it is still awaited. */
  close(): void {
    clearTimeout(this.idle);
    clearInterval(this.rate);
    this.raw.off('readable', this.take).off('end', this.end).off('close', this.broken);
    this.raw.resume();
  }

  /** Without a size it is all there is, as one buffer. */
  private read(): Buffer | undefined {
    const chunk = this.raw.read() as Buffer | null;
    this.windowBytes += chunk?.length ?? 0;
    return chunk ?? undefined;
  }

  private readonly take = (): void => {
    if (!this.waiting) return;
    const chunk = this.read();
    if (chunk) this.stopWaiting()?.resolve(chunk);
  };

  private readonly end = (): void => {
    this.ended = true;
    this.stopWaiting()?.resolve(undefined);
  };

  private readonly broken = (): void => {
    if (!this.ended) this.fail(abandoned());
  };

  private judge(): void {
    const now = performance.now();
    const waitedMs = this.waitedMs + (this.waiting ? now - this.waitingSince : 0);
    const isSlow = waitedMs >= this.judgedMs && this.windowBytes < this.bytesPerMs * waitedMs;
    if (isSlow && !this.isFirstWindow) this.tooSlow();
    this.isFirstWindow = false;
    this.windowBytes = 0;
    this.waitedMs = 0;
    this.waitingSince = now;
  }

  private tooSlow(): void {
    if (!this.waiting) return;
    this.fail(new GatewayError('request_timeout', 'The request did not arrive in time. Send it faster.'));
  }

  private fail(problem: GatewayError): void {
    this.problem ??= problem;
    this.stopWaiting()?.reject(problem);
  }

  private stopWaiting(): Settle | undefined {
    const { waiting } = this;
    if (waiting) this.waitedMs += performance.now() - this.waitingSince;
    this.waiting = undefined;
    return waiting;
  }
}
