import type { GatewayError, Usage, WirePrice } from '#libs/contracts';
import { type FlowReader, type FlowStep, namedInBandError, type WholeAnswer, type WholeReader } from '#libs/inference';
import {
  type FailureContext,
  failureOfErrorObject,
  failureOfGarbage,
  headerText,
  type TranscriptPiece,
  TypedEvents,
  type UpstreamFailure,
  type UpstreamHeaders,
} from '#libs/providers';
import { passedOn } from './passed-on.js';
import type { TranscriptAsk } from './transcript-ask.js';
import { transcriptEvents } from './transcript-events.js';
import { textFormats } from './transcript-formats.js';
import { openAiUsage } from './transcript-json.js';
import { type MadeTranscript, meteredTranscript, reportedTranscript } from './transcript-usage.js';

/** What every reader of one answer needs. */
export interface TranscriptAnswer {
  readonly ask: TranscriptAsk;
  readonly price: WirePrice;
  readonly context: FailureContext;
  readonly requestId: string;
  /** For the meter. */
  made: MadeTranscript;
}

/** Words with their times and probabilities of the longest audio that is taken. */
const maxAnswerBytes = 32 * 1024 * 1024;

/** The reader for an upstream's good answer. A stream that was asked for may come whole: whisper-1 knows none. */
export function openTranscript(answer: TranscriptAnswer, headers: UpstreamHeaders): FlowReader | WholeReader {
  const type = (headerText(headers, 'content-type') ?? '').toLowerCase();
  if (answer.ask.stream && type.startsWith('text/event-stream')) return new TranscriptEvents(answer);
  return { kind: 'whole', maxBytes: maxAnswerBytes, read: (body) => readTranscript(answer, body, type) };
}

const eventsType = 'text/event-stream; charset=utf-8';
const plainText = 'text/plain; charset=utf-8';

function readTranscript(answer: TranscriptAnswer, body: Buffer, type: string): WholeAnswer | UpstreamFailure {
  const { ask, context } = answer;
  const render = textFormats[ask.format];
  if (render && !type.includes('json')) return plain(answer, body, type);
  const value = recordOf(body);
  if (value?.['error'] != null) return failureOfErrorObject(value['error'], context);
  if (!value || !isTranscript(value)) return failureOfGarbage(context);
  const { text } = value;
  const { made, ...reported } = reportedTranscript(value, Buffer.byteLength(text), answer.price, ask);
  answer.made = made;
  const speakers = spokenOf(value['segments']);
  if (ask.format === 'diarized_json' && speakers.length === 0 && text.trim() !== '') return failureOfGarbage(context);
  const usage = usageShown(value, reported.usageDisbelieved, answer);
  if (ask.stream) {
    const events = transcriptEvents({ text, segments: speakers, usage });
    return { kind: 'answer', body: events, contentType: eventsType, ...reported };
  }
  if (!render) {
    const told = usage === value['usage'] ? body : Buffer.from(JSON.stringify({ ...value, usage }));
    return { kind: 'answer', body: told, contentType: 'application/json', ...reported };
  }
  const segments = segmentsOf(value['segments']);
  // Subtitles without times are no subtitles.
  if (ask.format !== 'text' && segments.length === 0 && text.trim() !== '') return failureOfGarbage(context);
  return { kind: 'answer', body: Buffer.from(render({ text, segments })), contentType: plainText, ...reported };
}

/** How subtitles are known from a text that somebody's server sends whatever is asked; of silence there may be none. */
const subtitles: Readonly<Record<string, RegExp>> = { srt: /^\s*$|-->/, vtt: /^\uFEFF?WEBVTT/ };

function plain(answer: TranscriptAnswer, body: Buffer, type: string): WholeAnswer | UpstreamFailure {
  const { ask } = answer;
  const text = body.toString();
  // A page of somebody's proxy, or another format than was asked for.
  if (type.startsWith('text/html') || subtitles[ask.format]?.test(text) === false) {
    return failureOfGarbage(answer.context);
  }
  answer.made = { textBytes: body.length };
  if (!ask.stream) return { kind: 'answer', body, contentType: plainText, usage: undefined };
  const events = transcriptEvents({ text: text.trim(), segments: [], usage: undefined });
  return { kind: 'answer', body: events, contentType: eventsType, usage: undefined };
}

/** As the provider reports it; what is charged where its report cannot be true, or where it has none of seconds. */
function usageShown(value: Record<string, unknown>, disbelieved: boolean, answer: TranscriptAnswer) {
  const { made, ask, price } = answer;
  const reported = value['usage'];
  if (!disbelieved && (reported != null || ask.seconds === undefined || price.seconds === undefined)) {
    return typeof reported === 'object' && reported !== null ? reported : undefined;
  }
  return openAiUsage(meteredTranscript(made, ask, price).usage, price);
}

function isTranscript(value: Record<string, unknown>): value is Record<string, unknown> & { text: string } {
  return typeof value['text'] === 'string';
}

/** Segments that say who speaks. */
function spokenOf(segments: unknown): readonly object[] {
  const list = Array.isArray(segments) ? (segments as unknown[]) : [];
  return list.filter(
    (each): each is object =>
      typeof each === 'object' && each !== null && 'speaker' in each && typeof each.speaker === 'string',
  );
}

function recordOf(body: Buffer): Record<string, unknown> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(body.toString());
  } catch {
    return undefined;
  }
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
}

function segmentsOf(value: unknown): TranscriptPiece[] {
  const list = Array.isArray(value) ? (value as Record<string, unknown>[]) : [];
  return list.flatMap((segment) => {
    const { start, end, text } = segment ?? {};
    if (typeof start !== 'number' || typeof end !== 'number' || typeof text !== 'string') return [];
    return [{ start, end, text }];
  });
}

/** The upstream's own events, passed on; usage is read beside. */
class TranscriptEvents implements FlowReader {
  readonly kind = 'flow';
  readonly contentType = eventsType;
  usage: Usage | undefined;
  usageDisbelieved = false;
  private readonly events: TypedEvents;

  constructor(private readonly answer: TranscriptAnswer) {
    this.events = new TypedEvents({ last: ['transcript.text.done'], hear: (event) => this.hear(event) });
  }

  push(chunk: Buffer): FlowStep {
    return passedOn(this.events, chunk, this.answer.context);
  }

  finish(): { complete: boolean } {
    return { complete: this.events.done };
  }

  errorBytes(error: GatewayError): Uint8Array {
    return namedInBandError(error, this.answer.requestId);
  }

  /** The last event with what is charged, where what it reports cannot be true. */
  private hear(event: Readonly<Record<string, unknown>>): object | undefined {
    const { answer } = this;
    const { type, delta } = event;
    if (type === 'transcript.text.delta' && typeof delta === 'string') {
      answer.made = { textBytes: answer.made.textBytes + Buffer.byteLength(delta) };
    }
    if (type !== 'transcript.text.done') return undefined;
    const { textBytes } = answer.made;
    const { made, usage, usageDisbelieved } = reportedTranscript(event, textBytes, answer.price, answer.ask);
    answer.made = made;
    this.usage = usage;
    this.usageDisbelieved = usageDisbelieved;
    if (!usageDisbelieved) return undefined;
    const { ask, price } = answer;
    return { ...event, usage: openAiUsage(meteredTranscript(made, ask, price).usage, price) };
  }
}
