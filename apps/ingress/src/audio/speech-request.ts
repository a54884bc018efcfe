import { audioSpeech, codePoints } from '#libs/contracts';
import type { ModelLimits, ReadRequest } from '../inference/intake.js';
import { jsonRequest, readJsonRequest } from '../inference/json-request.js';
import { heldInFull, likelyTokens, mostTokens } from '../inference/whole-hold.js';

/** The slowest voices say five characters a second, and models make at most 32 tokens of a second. */
const mostAudioTokensPerCharacter = 7;
/** Fifteen characters and twenty tokens a second. */
const likelyAudioTokensPerCharacter = 1.4;
/** A word alone has a pause before and behind it. */
const fewestAudioTokens = 256;

interface Spoken {
  readonly characters: number;
  /** Of the text and of how it is to be read. */
  readonly bytes: number;
  readonly speed: number;
}

/** Reads the raw body of `POST /v1/audio/speech`; throws a `GatewayError`. */
export function readSpeechRequest(raw: unknown): ReadRequest {
  const json = readJsonRequest(audioSpeech, raw);
  const { value } = json;
  const spoken = measure(value);
  const streamFormat = textOf(value['stream_format']) ?? 'audio';
  const responseFormat = textOf(value['response_format']);
  // Without one each provider makes its own default, which is mp3 on OpenAI's wire.
  const facts = {
    characters: spoken.characters,
    ...(responseFormat !== undefined && { responseFormat }),
    streamFormat,
  };
  return {
    ...jsonRequest(audioSpeech, json),
    stream: streamFormat === 'sse',
    head: { spans: json.spans, facts, includeUsage: false },
    running: runningSpeech(json.bytes, spoken),
    largestUsage: (model) => ({
      characters: spoken.characters,
      input: mostTokens(spoken.bytes),
      output_audio: mostAudioTokens(spoken, model),
    }),
    hold: () => heldInFull,
    likelyTokens: () => likelyTokens(spoken.bytes) + likelyAudioTokens(spoken),
  };
}

function runningSpeech(body: Buffer, spoken: Spoken): ReadRequest['running'] {
  const { characters, bytes } = spoken;
  const usage = { characters, input: likelyTokens(bytes), output_audio: likelyAudioTokens(spoken) };
  return { body, estimate: () => usage };
}

function mostAudioTokens({ characters, speed }: Spoken, { maxOutputTokens }: ModelLimits): number {
  const slowness = 1 / Math.min(1, speed);
  const tokens = Math.max(fewestAudioTokens, Math.ceil(characters * mostAudioTokensPerCharacter * slowness));
  return Math.min(tokens, maxOutputTokens ?? tokens);
}

function likelyAudioTokens({ characters, speed }: Spoken): number {
  return Math.ceil((characters * likelyAudioTokensPerCharacter) / speed);
}

function measure({ input, instructions, speed }: Record<string, unknown>): Spoken {
  const text = input as string;
  const bytes = Buffer.byteLength(text) + Buffer.byteLength(textOf(instructions) ?? '');
  return { characters: codePoints(text), bytes, speed: typeof speed === 'number' ? speed : 1 };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
