import type { ParameterRule } from './model.js';

type Rules = Readonly<Record<string, ParameterRule>>;

/** What the makers say of their models; first match wins. Presets that serve the same model share the rules by its name. */
interface KnownModels {
  /** A whole upstream model name, the maker's prefix left out. */
  readonly models: RegExp;
  readonly rules: Rules;
}

const refused: ParameterRule = { refused: true };
const openAiVoices = ['alloy', 'ash', 'ballad', 'coral', 'echo', 'fable', 'nova', 'onyx', 'sage', 'shimmer', 'verse'];
/** The older speech models know nine. */
const olderVoices = openAiVoices.filter((voice) => voice !== 'ballad' && voice !== 'verse');
const speechFormats = ['mp3', 'opus', 'aac', 'flac', 'wav', 'pcm'];

/** Not for GPT image models (OpenAI reference, `POST /images/generations`). */
const notForGptImage: Rules = { style: refused };
const onlyForGptImage: Rules = {
  background: refused,
  moderation: refused,
  output_compression: refused,
  output_format: refused,
  partial_images: refused,
  stream: refused,
};
const gptImageQualities = { oneOf: ['low', 'medium', 'high', 'auto'] };

/** From OpenAI's API reference (OpenAPI 2.3.0, August 2026) and the vendors' model pages; a rule per parameter. */
const known: readonly KnownModels[] = [
  {
    models: /^gpt-image-2/,
    rules: { ...notForGptImage, quality: gptImageQualities, n: { max: 10 }, prompt: { maxLength: 32_000 } },
  },
  {
    models: /^(gpt-image-1|chatgpt-image)/,
    rules: {
      ...notForGptImage,
      size: { oneOf: ['1024x1024', '1536x1024', '1024x1536', 'auto'] },
      quality: gptImageQualities,
      n: { max: 10 },
      prompt: { maxLength: 32_000 },
    },
  },
  {
    models: /^dall-e-3/,
    rules: {
      ...onlyForGptImage,
      size: { oneOf: ['1024x1024', '1792x1024', '1024x1792', 'auto'] },
      quality: { oneOf: ['standard', 'hd', 'auto'] },
      n: { max: 1 },
      prompt: { maxLength: 4_000 },
    },
  },
  {
    models: /^dall-e-2/,
    rules: {
      ...onlyForGptImage,
      size: { oneOf: ['256x256', '512x512', '1024x1024', 'auto'] },
      quality: { oneOf: ['standard', 'auto'] },
      style: refused,
      prompt: { maxLength: 1_000 },
    },
  },
  { models: /^text-embedding-ada-002/, rules: { dimensions: refused } },
  { models: /^text-embedding-3-small/, rules: { dimensions: { max: 1_536 } } },
  { models: /^text-embedding-3-large/, rules: { dimensions: { max: 3_072 } } },
  {
    models: /^tts-1/,
    rules: {
      voice: { oneOf: olderVoices },
      response_format: { oneOf: speechFormats },
      instructions: refused,
      stream_format: { oneOf: ['audio'] },
      input: { maxLength: 4_096 },
    },
  },
  {
    models: /^gpt-4o-mini-tts/,
    // `voice` may be an object that names a voice of one's own.
    rules: { response_format: { oneOf: speechFormats }, input: { maxLength: 4_096 } },
  },
  { models: /^whisper-1/, rules: { response_format: { oneOf: ['json', 'text', 'srt', 'verbose_json', 'vtt'] } } },
  {
    models: /^gpt-4o-(mini-)?transcribe-diarize/,
    rules: {
      response_format: { oneOf: ['json', 'text', 'diarized_json'] },
      prompt: refused,
      include: refused,
      timestamp_granularities: refused,
    },
  },
  {
    models: /^gpt-4o-(mini-)?transcribe/,
    rules: {
      response_format: { oneOf: ['json', 'text'] },
      timestamp_granularities: refused,
      known_speaker_names: refused,
    },
  },
  { models: /^imagen-/, rules: { n: { max: 4 }, stream: refused, partial_images: refused, style: refused } },
];

/** The rules for a model, whoever serves it; `openai/dall-e-3` is `dall-e-3`. */
export function knownParameters(upstreamModel: string): Rules | undefined {
  const name = upstreamModel.slice(upstreamModel.lastIndexOf('/') + 1);
  return known.find(({ models }) => models.test(name))?.rules;
}
