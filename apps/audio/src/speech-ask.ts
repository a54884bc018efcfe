import { GatewayError, type InferenceCallHead, type Usage, type WirePrice } from '#libs/contracts';
import type { MeteredUsage } from '#libs/inference';
import type { SpeechRequest } from '#libs/providers';
import { estimatedTokens, isByTokens } from './token-prices.js';

/** What a request for speech asks of every provider alike. */
export interface SpeechAsk {
  readonly request: SpeechRequest;
  /** Server-sent events with base64 instead of bytes. */
  readonly events: boolean;
  /** Unicode code points of the input. */
  readonly characters: number;
}

/** Reads what ingress has checked. */
export function speechAskOf(body: Uint8Array, { facts }: Pick<InferenceCallHead, 'facts'>): SpeechAsk {
  const asked = JSON.parse(Buffer.from(body).toString()) as Record<string, unknown>;
  const { input, speed, instructions } = asked;
  const format = facts['responseFormat'] ?? asked['response_format'];
  if (typeof input !== 'string' || input === '') {
    throw new GatewayError('missing_required_parameter', 'Send the text to be spoken as `input`.', { param: 'input' });
  }
  return {
    request: {
      input,
      voice: voiceOf(asked['voice']),
      ...(typeof format === 'string' && { format }),
      ...(typeof speed === 'number' && { speed }),
      ...(typeof instructions === 'string' && { instructions }),
    },
    events: (facts['streamFormat'] ?? asked['stream_format']) === 'sse',
    characters: typeof facts['characters'] === 'number' ? facts['characters'] : Array.from(input).length,
  };
}

/** A name, or `{id}` of a voice of one's own. */
function voiceOf(voice: unknown): string {
  const name = typeof voice === 'object' && voice !== null ? (voice as { id?: unknown }).id : voice;
  if (typeof name === 'string' && name !== '') return name;
  throw new GatewayError('missing_required_parameter', 'Send a `voice`.', { param: 'voice' });
}

/** What OpenAI, and who speaks its wire, makes for a caller who asked for none. */
export const openAiFormat = 'mp3';

/** Bytes per second where the format does not tell: OpenAI's own rates, nearly. */
const bytesPerSecond: Readonly<Record<string, number>> = {
  pcm: 48_000,
  wav: 48_000,
  flac: 30_000,
  mp3: 16_000,
  aac: 12_000,
  opus: 6_000,
};
/** As OpenAI counts its spoken tokens: one for 50 milliseconds. */
const tokensPerSecond = 20;

/** Tokens of speech of which nobody reported any; `rate` is in bytes per second, as the audio tells it. */
export function estimatedSpeech({ request }: SpeechAsk, audioBytes: number, rate?: number): Usage {
  const seconds = audioBytes / (rate ?? bytesPerSecond[request.format ?? openAiFormat] ?? 16_000);
  return {
    input: estimatedTokens(Buffer.byteLength(request.input)),
    output_audio: Math.ceil(seconds * tokensPerSecond),
  };
}

/** What is known of speech that was made. */
export interface MadeSpeech {
  readonly audioBytes: number;
  /** Bytes per second, where the audio tells. */
  readonly rate?: number | undefined;
  /** Reported, and believed. */
  readonly tokens?: Usage | undefined;
}

/** Speech in every way that a price may count it; which one is charged, the price decides. */
export function meteredSpeech(
  { audioBytes, rate, tokens }: MadeSpeech,
  ask: SpeechAsk,
  price: WirePrice,
): MeteredUsage {
  const { characters } = ask;
  if (!isByTokens(price)) return { usage: { characters, ...tokens }, source: 'counted' };
  if (tokens) return { usage: { characters, ...tokens }, source: 'provider' };
  return { usage: { characters, ...estimatedSpeech(ask, audioBytes, rate) }, source: 'estimated' };
}

/** The same, where what is charged is what the provider reported; else undefined. */
export function reportedSpeech(tokens: Usage | undefined, ask: SpeechAsk, price: WirePrice): Usage | undefined {
  return tokens && isByTokens(price) ? { characters: ask.characters, ...tokens } : undefined;
}

/** What a provider may put around a text, and the least that it may make of it. */
const mostTokensAround = 2_000;
/** The slowest voice at a quarter of its speed takes seven. */
const mostTokensPerCharacter = 40;

/** Whether a report can be true: no more tokens than bytes of the texts, and no more sound than they can be spoken in. */
export function canBeSpoken({ input = 0, output = 0, output_audio: spoken = 0 }: Usage, ask: SpeechAsk): boolean {
  const { request, characters } = ask;
  const textBytes = Buffer.byteLength(request.input) + Buffer.byteLength(request.instructions ?? '');
  const most = characters * mostTokensPerCharacter + mostTokensAround;
  return input <= textBytes + mostTokensAround && output + spoken <= most;
}
