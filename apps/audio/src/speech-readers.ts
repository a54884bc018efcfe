import type { GatewayError, Usage, WirePrice } from '#libs/contracts';
import { type FlowReader, type FlowStep, namedInBandError, type WholeReader } from '#libs/inference';
import {
  audioTokens,
  type FailureContext,
  failureOfErrorObject,
  failureOfGarbage,
  headerText,
  speechContentType,
  TypedEvents,
  type UpstreamFailure,
  type UpstreamHeaders,
} from '#libs/providers';
import { audioRateOf } from './audio-rate.js';
import { passedOn } from './passed-on.js';
import { canBeSpoken, estimatedSpeech, openAiFormat, reportedSpeech, type SpeechAsk } from './speech-ask.js';
import { deltaEvents, doneEvent, openAiUsage } from './speech-events.js';

/** What every reader of one answer needs. */
export interface SpeechAnswer {
  readonly ask: SpeechAsk;
  readonly price: WirePrice;
  readonly context: FailureContext;
  readonly requestId: string;
  /** Bytes of audio that came, for the meter. */
  audioBytes: number;
  /** Bytes per second, where the first of them tell. */
  rate?: number | undefined;
  /** Reported and believed, for the meter. */
  tokens?: Usage | undefined;
}

const eventStream = 'text/event-stream; charset=utf-8';
const maxErrorBytes = 64 * 1024;

/** The reader for an upstream's good answer, by its type. */
export function openSpeech(answer: SpeechAnswer, headers: UpstreamHeaders): FlowReader | WholeReader {
  const { events, request } = answer.ask;
  const type = (headerText(headers, 'content-type') ?? '').toLowerCase();
  if (type.startsWith('text/event-stream') && events) return new SpeechEvents(answer);
  if (type.includes('json') || type.startsWith('text/')) return noAudio(answer.context);
  const declared = type.startsWith('audio/');
  if (events) return new AudioAsEvents(answer, declared);
  return new AudioBytes(answer, declared, declared ? type : speechContentType(request.format ?? openAiFormat));
}

/** Some servers send an error with status 200: it must not be taken for audio. */
function noAudio(context: FailureContext): WholeReader {
  return {
    kind: 'whole',
    maxBytes: maxErrorBytes,
    read: (body) => failureIn(body, context) ?? failureOfGarbage(context),
  };
}

function failureIn(body: Uint8Array, context: FailureContext): UpstreamFailure | undefined {
  if (body[0] !== 0x7b) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(body).toString());
  } catch {
    return undefined; // No JSON, so no error object.
  }
  const error = (value as { error?: unknown }).error;
  return error == null ? failureOfGarbage(context) : failureOfErrorObject(error, context);
}

/** Bytes of audio, passed on as they come. Its format has no word for an error. */
class AudioBytes implements FlowReader {
  readonly kind = 'flow';
  readonly usage = undefined;

  constructor(
    private readonly answer: SpeechAnswer,
    private readonly declared: boolean,
    readonly contentType: string,
  ) {}

  push(chunk: Buffer): FlowStep {
    const { answer } = this;
    const failure = this.declared || answer.audioBytes > 0 ? undefined : failureIn(chunk, answer.context);
    if (failure) return { failure };
    if (answer.audioBytes === 0) answer.rate = audioRateOf(chunk);
    answer.audioBytes += chunk.length;
    return { write: chunk };
  }

  finish(): FlowStep & { complete: boolean } {
    return { complete: this.answer.audioBytes > 0 };
  }
}

/** Events were asked for and bytes came: OpenAI's older models, and most servers, know no events. */
class AudioAsEvents implements FlowReader {
  readonly kind = 'flow';
  readonly contentType = eventStream;
  readonly usage = undefined;
  private readonly audio: AudioBytes;

  constructor(
    private readonly answer: SpeechAnswer,
    declared: boolean,
  ) {
    this.audio = new AudioBytes(answer, declared, eventStream);
  }

  push(chunk: Buffer): FlowStep {
    const { write, failure } = this.audio.push(chunk);
    return { ...(write && { write: Buffer.from(deltaEvents(write)) }), ...(failure && { failure }) };
  }

  finish(): FlowStep & { complete: boolean } {
    const { complete } = this.audio.finish();
    if (!complete) return { complete };
    const { ask, audioBytes, rate } = this.answer;
    return { complete, write: Buffer.from(doneEvent(estimatedSpeech(ask, audioBytes, rate))) };
  }

  errorBytes(error: GatewayError): Uint8Array {
    return namedInBandError(error, this.answer.requestId);
  }
}

/** The upstream's own events, passed on; usage is read beside. */
class SpeechEvents implements FlowReader {
  readonly kind = 'flow';
  readonly contentType = eventStream;
  usage: Usage | undefined;
  usageDisbelieved = false;
  private readonly events: TypedEvents;

  constructor(private readonly answer: SpeechAnswer) {
    this.events = new TypedEvents({
      last: ['speech.audio.done'],
      bulk: 'speech.audio.delta',
      hear: (event, dataBytes) => this.hear(event, dataBytes),
    });
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

  private hear(event: Readonly<Record<string, unknown>>, dataBytes: number): object | undefined {
    const { answer } = this;
    // Base64 has four characters for three bytes; the rest of the event is small.
    if (event['type'] === 'speech.audio.delta') answer.audioBytes += Math.floor((dataBytes * 3) / 4);
    if (event['type'] !== 'speech.audio.done') return undefined;
    const tokens = audioTokens(event['usage'], 'speech');
    this.usageDisbelieved = tokens !== undefined && !canBeSpoken(tokens, answer.ask);
    if (this.usageDisbelieved) return { ...event, usage: openAiUsage(estimatedSpeech(answer.ask, answer.audioBytes)) };
    answer.tokens = tokens;
    this.usage = reportedSpeech(tokens, answer.ask, answer.price);
    return undefined;
  }
}
