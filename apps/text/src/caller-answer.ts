import type { GatewayError, InferenceCallHead, Usage } from '#libs/contracts';
import {
  answerHeaders,
  type AnswerReport,
  balanceError,
  inBandError,
  ledgerError,
  type PausePoints,
  writeWhole,
} from '#libs/inference';
import type { IncomingCall } from '#libs/messaging';
import type { UpstreamHeaders } from '#libs/providers';
import type { StopReason } from './paid-output.js';

/** What the caller gets of an attempt: events as they come, or a whole body at the end; its head goes out with the first bytes. */
export class CallerAnswer {
  /** Content, or an in-band error, went to the caller. */
  delivered = false;
  firstByteAt: number | null = null;
  /** The caller takes more at once. */
  flowing = true;
  /** A fault test stopped it. */
  paused = false;
  /** Of the upstream; some are passed on. */
  upstreamHeaders: UpstreamHeaders = {};
  private held: Uint8Array | undefined;
  private lengthChunk: Buffer | undefined;

  constructor(
    private readonly call: IncomingCall,
    private readonly head: InferenceCallHead,
    private readonly provider: string,
    private readonly pauses: PausePoints,
  ) {}

  write(bytes: Uint8Array): void {
    const isFirst = !this.delivered;
    if (isFirst) this.sendHead('text/event-stream; charset=utf-8');
    this.flowing = this.call.write(bytes);
    if (isFirst && this.pauses.stopsAt('streaming', this.head.requestId)) {
      this.flowing = false;
      this.paused = true;
    }
  }

  writeError(error: GatewayError): void {
    this.call.write(inBandError(error, this.head.requestId));
  }

  /** It leaves when its cost is known and stored: the caller can use nothing of it before its end anyway. */
  holdWhole(body: Uint8Array): void {
    this.delivered = true;
    this.firstByteAt = Date.now();
    this.held = body;
  }

  /**
   * The upstream was cut off. At the length that was asked for, the rest of a proper end follows with `complete`;
   * otherwise the caller is told why.
   */
  endAtLimit(lengthChunk: Buffer, reason: StopReason): void {
    this.write(lengthChunk);
    if (reason === 'length') this.lengthChunk = lengthChunk;
    else this.writeError(reason === 'ledger' ? ledgerError() : balanceError());
  }

  /** Sends what waited for the meter: a whole answer, or the end of a stream that was cut at its length. */
  async complete(report: AnswerReport): Promise<void> {
    if (this.held) await this.deliver(this.held, report);
    this.held = undefined;
    if (!this.lengthChunk) return;
    if (this.head.includeUsage) this.call.write(usageChunk(this.lengthChunk, report.usage));
    this.call.write(Buffer.from('data: [DONE]\n\n'));
  }

  private async deliver(body: Uint8Array, report: AnswerReport): Promise<void> {
    this.sendHead('application/json', report);
    await writeWhole(this.call, body);
  }

  private sendHead(contentType: string, report?: AnswerReport): void {
    this.delivered = true;
    this.firstByteAt ??= Date.now();
    const upstream = { headers: this.upstreamHeaders, provider: this.provider };
    const headers = answerHeaders(upstream, contentType, report);
    this.call.sendHead({ status: 200, headers });
  }
}

/** As OpenAI's last chunk, of the same answer as `chunk`. */
function usageChunk(chunk: Buffer, { input = 0, input_cached: cached = 0, output = 0, reasoning = 0 }: Usage): Buffer {
  const envelope = JSON.parse(chunk.toString('utf8', 'data: '.length)) as object;
  const [prompt, completion] = [input + cached, output + reasoning];
  const usage = { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
  return Buffer.from(`data: ${JSON.stringify({ ...envelope, choices: [], usage })}\n\n`);
}
