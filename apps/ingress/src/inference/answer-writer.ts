import type { ServerResponse } from 'node:http';

/** No byte taken for so long: the caller is gone, or holds a provider's connection for nothing. */
const stallMs = 30_000;
/** Short answers go out with their head in one piece. */
const onePieceBytes = 64 * 1024;

export interface AnswerEvents {
  /** The caller took these bytes: as many more may come. */
  onWritten(bytes: number): void;
  /** The caller takes nothing any more. */
  onStalled(): void;
}

/**
 * Writes one answer past Fastify: the head exactly once, what comes in one turn of the event loop as one write, and
 * never more than the caller takes.
 */
export class AnswerWriter {
  private pending: Buffer[] = [];
  private pendingBytes = 0;
  private ungranted = 0;
  private flushing = false;
  private blocked = false;

  constructor(
    private readonly response: ServerResponse,
    private readonly events: AnswerEvents,
    private readonly stallLimitMs = stallMs,
  ) {
    response.on('drain', () => this.drained());
  }

  get committed(): boolean {
    return this.response.headersSent;
  }

  /** Sends nothing by itself: the head leaves with the first bytes. */
  commit(status: number, headers: string[]): void {
    this.response.writeHead(status, headers);
  }

  /** A complete answer with its length. */
  whole(status: number, headers: string[], body: Buffer): void {
    headers.push('content-length', String(body.length));
    this.response.writeHead(status, headers);
    // As text the body joins the head in one write; latin1 keeps every byte.
    if (body.length <= onePieceBytes) this.response.end(body.toString('latin1'), 'latin1');
    else this.response.end(body);
  }

  /** Takes ownership of the chunk. */
  write(chunk: Buffer): void {
    this.pending.push(chunk);
    this.pendingBytes += chunk.length;
    if (this.flushing) return;
    this.flushing = true;
    process.nextTick(() => this.flush());
  }

  end(): void {
    this.flush();
    this.response.end();
  }

  /** For an answer that cannot say in its own format that it is broken: the caller sees the connection break. */
  destroy(): void {
    this.response.destroy();
  }

  private flush(): void {
    this.flushing = false;
    const { pending, pendingBytes } = this;
    const [only] = pending;
    if (only === undefined || this.response.destroyed || this.response.writableEnded) return;
    this.pending = [];
    this.pendingBytes = 0;
    this.ungranted += pendingBytes;
    const room = this.response.write(pending.length === 1 ? only : Buffer.concat(pending, pendingBytes));
    if (room && !this.blocked) this.grant();
    else this.block();
  }

  private grant(): void {
    const bytes = this.ungranted;
    this.ungranted = 0;
    if (bytes > 0) this.events.onWritten(bytes);
  }

  private block(): void {
    if (this.blocked) return;
    this.blocked = true;
    // Node's own: a slow caller who takes a little restarts it, one who takes nothing does not.
    this.response.setTimeout(this.stallLimitMs);
    if (this.response.listenerCount('timeout') === 0) this.response.on('timeout', () => this.stalled());
  }

  private drained(): void {
    if (!this.blocked) return;
    this.blocked = false;
    this.response.setTimeout(0);
    this.grant();
  }

  private stalled(): void {
    if (this.blocked) this.events.onStalled();
  }
}
