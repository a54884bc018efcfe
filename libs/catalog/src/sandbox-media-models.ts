import {
  audioSpeech,
  audioTranscriptions,
  audioTranslations,
  embeddings,
  imagesEdits,
  imagesGenerations,
  imagesVariations,
  rerank,
} from '#libs/contracts';
import type { Capability, ParameterRule, Price } from './model.js';

/** What differs from `sandbox/chat`. */
export interface SandboxModel {
  readonly name: string;
  /** Those of chat when absent. */
  readonly endpoints?: readonly string[];
  readonly price?: Price;
  readonly parameters?: Readonly<Record<string, ParameterRule>>;
  /** Null: no model of text. */
  readonly contextTokens?: number | null;
  readonly capabilities?: readonly Capability[];
}

const speechFormats = ['mp3', 'opus', 'aac', 'flac', 'wav', 'pcm'];
const imageEndpoints = [imagesGenerations.id, imagesEdits.id];

/** $0.02 for a million tokens. */
const embeddingPrice: Price = { input: 20_000_000n };
const embedding = { endpoints: [embeddings.id], contextTokens: 8_192, price: embeddingPrice };

const speech: Readonly<Record<string, ParameterRule>> = {
  response_format: { oneOf: speechFormats },
  stream_format: { oneOf: ['audio', 'sse'] },
};
const transcription: Readonly<Record<string, ParameterRule>> = {
  response_format: { oneOf: ['json', 'text', 'srt', 'verbose_json', 'vtt', 'diarized_json'] },
  // What it hears it knows for certain, and speakers it does not know.
  include: { refused: true },
  known_speaker_names: { refused: true },
  known_speaker_references: { refused: true },
  chunking_strategy: { oneOf: ['auto'] },
};
const image: Readonly<Record<string, ParameterRule>> = {
  quality: { oneOf: ['low', 'medium', 'high', 'auto'] },
  output_format: { oneOf: ['png', 'jpeg', 'webp'] },
  n: { max: 10 },
  moderation: { oneOf: ['auto', 'low'] },
  style: { refused: true },
};
const sized: Readonly<Record<string, ParameterRule>> = {
  size: { oneOf: ['256x256', '512x512', '1024x1024', '1792x1024', '1024x1792', 'auto'] },
  quality: { oneOf: ['standard', 'hd', 'auto'] },
  moderation: { refused: true },
  stream: { refused: true },
  partial_images: { refused: true },
};

/** Dollars × 10^9 for a million units: $0.04 an image. */
const dollarsEach = (dollars: number): bigint => BigInt(Math.round(dollars * 1e6)) * 1_000_000_000n;

/** One model per way to be charged; the pretended prices are those of real ones. */
export const sandboxMediaModels: readonly SandboxModel[] = [
  { name: 'embedding', ...embedding, parameters: { dimensions: { max: 1_536 } } },
  { name: 'embedding-large', ...embedding, parameters: { dimensions: { max: 3_072 } } },
  { name: 'embedding-small', ...embedding, parameters: { dimensions: { max: 384 } } },
  { name: 'rerank', endpoints: [rerank.id], contextTokens: 8_192, price: { searches: dollarsEach(0.002) } },
  // $15 for a million characters.
  {
    name: 'speech',
    endpoints: [audioSpeech.id],
    contextTokens: null,
    price: { characters: 15_000_000_000n },
    parameters: speech,
  },
  {
    name: 'speech-tokens',
    endpoints: [audioSpeech.id],
    contextTokens: null,
    price: { input: 600_000_000n, output_audio: 12_000_000_000n },
    parameters: speech,
  },
  {
    name: 'transcribe',
    endpoints: [audioTranscriptions.id],
    contextTokens: null,
    price: { input: 2_500_000_000n, input_audio: 6_000_000_000n, output: 10_000_000_000n },
    parameters: transcription,
  },
  {
    name: 'whisper',
    endpoints: [audioTranscriptions.id, audioTranslations.id],
    contextTokens: null,
    price: { seconds: dollarsEach(0.0001) },
    parameters: { ...transcription, chunking_strategy: { refused: true } },
  },
  {
    name: 'image',
    endpoints: imageEndpoints,
    contextTokens: null,
    price: { input: 5_000_000_000n, input_image: 8_000_000_000n, output_image: 32_000_000_000n },
    parameters: image,
  },
  {
    name: 'image-sized',
    endpoints: [...imageEndpoints, imagesVariations.id],
    contextTokens: null,
    price: {
      images: dollarsEach(0.02),
      'images:1024x1024/standard': dollarsEach(0.04),
      'images:1024x1024/hd': dollarsEach(0.08),
      'images:1792x1024/standard': dollarsEach(0.08),
      'images:1024x1792/standard': dollarsEach(0.08),
      'images:1792x1024/hd': dollarsEach(0.12),
      'images:1024x1792/hd': dollarsEach(0.12),
    },
    parameters: sized,
  },
  // $0.01 a megapixel.
  {
    name: 'image-pixels',
    endpoints: imageEndpoints,
    contextTokens: null,
    price: { pixels: 10_000_000n },
    parameters: { moderation: { refused: true }, stream: { refused: true }, partial_images: { refused: true } },
  },
];
