import { type IdempotencyFetchRequest, maxStoredAnswerBytes } from '#libs/contracts';
import type { IdempotencyAnswers } from './idempotency-answers.js';

/** The rest tells of the moment or the connection, and a repetition has its own. */
const keptHeaders = ['content-type', 'x-modapi-provider', 'x-modapi-cost-nano-usd', 'x-modapi-usage-source'];
/** These say what a repetition may change. */
const passing: ReadonlySet<number> = new Set([408, 409, 429]);
/** A stream that says so is whole; after an in-band error it does not. */
const streamEnd = /data: ?\[DONE\]\s*$/;
/** A stream of named events has no such end: it is whole unless an error is in it. No text has this line: JSON escapes. */
const inBandError = 'data: {"error":';
const tailBytes = 64;

/** Listens to one answer while it goes out, and keeps it for repetitions of its Idempotency-Key. */
export class AnswerRecorder {
  private chunks: Buffer[] = [];
  private bytes = 0;
  private tail: Buffer = Buffer.alloc(0);
  private sawError = false;

  constructor(
    private readonly answers: IdempotencyAnswers,
    private readonly name: IdempotencyFetchRequest & { readonly requestId: string },
    private readonly namesEvents: boolean,
  ) {}

  /** Keeps the chunk itself: nobody may write to it. */
  take(chunk: Buffer): void {
    this.bytes += chunk.length;
    if (this.namesEvents) this.sawError ||= hasError(this.tail, chunk);
    if (this.bytes > maxStoredAnswerBytes) this.chunks = [];
    else this.chunks.push(chunk);
    this.tail = chunk.length >= tailBytes ? chunk : Buffer.concat([this.tail, chunk]);
    this.tail = this.tail.subarray(-tailBytes);
  }

  /** The answer is over. Resolves when it is stored, or will not be, as one that broke off; never rejects. */
  async keep(status: number, headers: Readonly<Record<string, string>>): Promise<void> {
    if (status >= 500 || passing.has(status) || this.isBroken(headers)) return;
    const isTooLarge = this.bytes > maxStoredAnswerBytes;
    const body = Buffer.concat(this.chunks);
    this.chunks = [];
    await this.answers.store({ ...this.name, answer: isTooLarge ? null : { status, headers: kept(headers) } }, body);
  }

  private isBroken(headers: Readonly<Record<string, string>>): boolean {
    const isStream = headers['content-type']?.startsWith('text/event-stream') === true;
    if (!isStream) return false;
    return this.namesEvents ? this.sawError : !streamEnd.test(this.tail.toString('latin1'));
  }
}

/** Also where it lies across two chunks. */
function hasError(tail: Buffer, chunk: Buffer): boolean {
  if (chunk.includes(inBandError)) return true;
  return Buffer.concat([tail, chunk.subarray(0, tailBytes)]).includes(inBandError);
}

function kept(headers: Readonly<Record<string, string>>): Record<string, string> {
  const list: Record<string, string> = {};
  for (const name of keptHeaders) {
    const value = headers[name];
    if (value !== undefined) list[name] = value;
  }
  return list;
}
