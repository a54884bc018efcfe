import type { Usage } from '#libs/contracts';
import { AnswerFacts } from './answer-facts.js';
import { DeliveredText } from './delivered-text.js';
import { type EventFrame, EventFramer, type EventSink } from './event-framing.js';
import { startsWith, valueAt } from './json-scan.js';
import { OutputBuffer } from './output-buffer.js';
import { hasOutput, usageOf } from './usage.js';

export interface ChatStreamOptions {
  /** The id that the caller asked for: what `model` says in every chunk, whatever the upstream calls it. */
  readonly model: string;
  /** The caller did not ask for usage; the chunk that we asked for is kept from it. */
  readonly withholdUsage: boolean;
  /** The stream may be cut for its length; what a chunk that says so must repeat is then kept. */
  readonly mayBeCut?: boolean;
  /** Bytes for the caller, valid during the call only. The first ones come with the first content. */
  readonly write: (bytes: Uint8Array) => void;
}

/** Why a stream cannot go on. `error`: the upstream said so in-band; `limit`: its output reached `outputLimit`. */
export interface StreamFault {
  readonly kind: 'garbled' | 'overflow' | 'error' | 'limit';
  /** The upstream's error object, for `error`. */
  readonly error?: unknown;
}

const doneData = Buffer.from('[DONE]');
const doneEvent = Buffer.from('data: [DONE]\n\n');
const commentEvent = Buffer.from(': keep-alive\n\n');

/**
 * A streamed chat completion on its way to the caller: the upstream's bytes, with `model` replaced and the usage chunk
 * withheld where nobody asked for it. Beside them it learns usage, finish reason, text and errors.
 */
export class ChatStream implements EventSink {
  readonly text = new DeliveredText();
  finishReason = '';
  /** What the upstream calls the model. */
  upstreamModel: string | undefined;
  fault: StreamFault | undefined;
  /** `[DONE]` came. */
  done = false;
  /** Output tokens after which the stream ends. */
  outputLimit = Infinity;
  private contentEvents = 0;
  private envelope: Buffer | undefined;
  private reported: Usage | undefined;
  private hasReport = false;
  private events = 0;
  private written = false;
  private choices = 0;
  private finished = 0;
  private scanned: Uint8Array | undefined;
  /** The first event when it holds no content: until the next one another provider can still answer. */
  private heldBack: Buffer | undefined;
  private readonly facts = new AnswerFacts(this.text);
  private readonly framer = new EventFramer(this);
  private readonly modelValue: Buffer;
  private readonly output: OutputBuffer;

  constructor(private readonly options: ChatStreamOptions) {
    this.modelValue = Buffer.from(JSON.stringify(options.model));
    this.output = new OutputBuffer(options.write);
  }

  /** As the upstream reported it, if that can be true; the last one counts. */
  get usage(): Usage | undefined {
    const { reported } = this;
    return reported && (hasOutput(reported) || this.text.isEmpty) ? reported : undefined;
  }

  /**
   * Output so far, roughly and over all choices. Most vendors send a token per event; four bytes a token overcount those
   * by a fifth, and are taken only where there are fewer than 0.6 events per four bytes: several tokens in each.
   */
  get outputTokens(): number {
    const { contentEvents } = this;
    const { totalBytes, audioTokens } = this.text;
    const textTokens = contentEvents * 20 >= totalBytes * 3 ? contentEvents : totalBytes >> 2;
    // An event of sound holds many tokens.
    return audioTokens > textTokens ? audioTokens : textTokens;
  }

  /** The chunk that ends every choice with `finish_reason` "length"; for a stream that may be cut. */
  lengthChunk(): Buffer {
    const first = (this.envelope ? JSON.parse(this.envelope.toString()) : {}) as Record<string, unknown>;
    const choices = Array.from({ length: Math.max(1, this.choices) }, (_, index) => {
      return { index, delta: {}, logprobs: null, finish_reason: 'length' };
    });
    const { id = '', created = 0 } = first;
    const { model } = this.options;
    const chunk = { id, object: 'chat.completion.chunk', created, model, choices };
    return Buffer.from(`data: ${JSON.stringify(chunk)}\n\n`);
  }

  /** The upstream reported usage, and none of it can be believed. */
  get usageDisbelieved(): boolean {
    return this.hasReport && this.usage === undefined;
  }

  /** A read of the upstream; at most one write follows. After a fault or `[DONE]` it is ignored. */
  push(chunk: Uint8Array): void {
    this.framer.push(chunk);
  }

  /**
   * The upstream closed in good order. True when the answer is whole: `[DONE]` came, or every choice said why it
   * ended (some vendors send no `[DONE]`; it is then added). False: truncated.
   */
  finish(): boolean {
    if (this.fault) return false;
    if (this.done) return true;
    if (this.framer.pending || this.finished === 0 || this.finished < this.choices) return false;
    this.end();
    this.output.flush();
    return true;
  }

  event(bytes: Buffer, frame: EventFrame): void {
    const { dataStart, dataEnd } = frame;
    if (dataEnd <= dataStart) {
      this.comment();
      return;
    }
    if (dataEnd - dataStart === doneData.length && startsWith(bytes, dataStart, doneData)) {
      if (this.events === 0) this.stop({ kind: 'garbled' });
      else this.end();
      return;
    }
    const { facts } = this;
    if (!facts.readLine(bytes, dataStart, dataEnd)) {
      this.unusual(bytes, frame);
      return;
    }
    if (facts.errorStart >= 0) {
      this.stop({ kind: 'error', error: valueAt(bytes, facts.errorStart, dataEnd) });
      return;
    }
    if (!facts.hasChoices && facts.usageStart < 0) {
      // Neither an answer nor usage: some other protocol, or a page of somebody's proxy.
      this.stop({ kind: 'garbled' });
      return;
    }
    if (facts.usageStart >= 0) this.readUsage(bytes, dataEnd);
    if (facts.finished > 0) {
      this.finished += facts.finished;
      this.finishReason = facts.finishReason;
    }
    if (facts.choiceIndex >= this.choices) this.choices = facts.choiceIndex + 1;
    this.events++;
    if (facts.hasText) this.contentEvents++;
    if (this.events === 1 && this.options.mayBeCut) this.envelope = Buffer.from(bytes.subarray(dataStart, dataEnd));
    if (this.options.withholdUsage && facts.usageStart >= 0 && !this.hasChoice(bytes, dataStart, dataEnd)) return;
    this.forward(bytes, frame);
    if (this.outputLimit !== Infinity && this.outputTokens >= this.outputLimit) this.stop({ kind: 'limit' });
  }

  comment(): void {
    // Not content: before the first content the caller hears nothing, so that another provider may still answer.
    if (this.written) this.output.append(commentEvent, 0, commentEvent.length);
  }

  endOfRead(): void {
    this.output.flush();
  }

  overflow(): void {
    this.stop({ kind: 'overflow' });
  }

  private forward(bytes: Buffer, { start, end }: EventFrame): void {
    const { facts, output, modelValue } = this;
    if (this.events === 1) this.learnModel(bytes);
    if (!this.written && this.events === 1 && !facts.hasText && facts.finished === 0) {
      this.holdBack(bytes, start, end);
      return;
    }
    if (this.heldBack) {
      output.append(this.heldBack, 0, this.heldBack.length);
      this.heldBack = undefined;
    }
    this.written = true;
    const { modelStart, modelEnd } = facts;
    if (modelStart < 0 || (modelEnd - modelStart === modelValue.length && startsWith(bytes, modelStart, modelValue))) {
      output.append(bytes, start, end);
      return;
    }
    output.append(bytes, start, modelStart);
    output.append(modelValue, 0, modelValue.length);
    output.append(bytes, modelEnd, end);
  }

  private holdBack(bytes: Buffer, start: number, end: number): void {
    const { modelStart, modelEnd } = this.facts;
    this.heldBack =
      modelStart < 0
        ? Buffer.from(bytes.subarray(start, end))
        : Buffer.concat([bytes.subarray(start, modelStart), this.modelValue, bytes.subarray(modelEnd, end)]);
  }

  private learnModel(bytes: Buffer): void {
    const { modelStart, modelEnd } = this.facts;
    if (modelStart < 0) return;
    const model: unknown = JSON.parse(bytes.toString('utf8', modelStart, modelEnd));
    if (typeof model === 'string' && model !== '') this.upstreamModel = model.slice(0, 256);
  }

  private readUsage(bytes: Uint8Array, end: number): void {
    this.hasReport = true;
    this.reported = usageOf(valueAt(bytes, this.facts.usageStart, end)) ?? this.reported;
  }

  /** `choices` holds something; white space in an empty list is no choice. */
  private hasChoice(bytes: Buffer, start: number, end: number): boolean {
    if (this.facts.emptyChoices || !this.facts.hasChoices) return false;
    const event = JSON.parse(bytes.toString('utf8', start, end)) as { choices: unknown[] };
    return event.choices.length > 0;
  }

  /** Not plain JSON on one line: written anew when it is JSON after all, else the stream ends here. */
  private unusual(bytes: Buffer, { dataStart, dataEnd }: EventFrame): void {
    if (bytes === this.scanned) {
      this.stop({ kind: 'garbled' });
      return;
    }
    let value: unknown;
    try {
      value = JSON.parse(bytes.toString('utf8', dataStart, dataEnd));
    } catch {
      this.stop({ kind: 'garbled' });
      return;
    }
    const written = Buffer.from(`data: ${JSON.stringify(value)}\n\n`);
    this.scanned = written;
    this.event(written, { start: 0, end: written.length, dataStart: 6, dataEnd: written.length - 2 });
  }

  private end(): void {
    if (this.heldBack) this.output.append(this.heldBack, 0, this.heldBack.length);
    this.heldBack = undefined;
    this.done = true;
    this.output.append(doneEvent, 0, doneEvent.length);
    this.framer.stop();
  }

  private stop(fault: StreamFault): void {
    this.fault = fault;
    this.framer.stop();
  }
}
