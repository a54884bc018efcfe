// Models that are not for chat, from LiteLLM's list: embeddings, reranking, images, speech, transcription.

/** Our preset → LiteLLM's provider and key prefix, several where it splits them. */
const presets = {
  assemblyai: [['assemblyai', 'assemblyai/']],
  azure: [['azure', 'azure/']],
  bedrock: [['bedrock', '']],
  'black-forest-labs': [['black_forest_labs', 'black_forest_labs/']],
  cohere: [['cohere', '']],
  databricks: [['databricks', 'databricks/']],
  deepgram: [['deepgram', 'deepgram/']],
  elevenlabs: [['elevenlabs', 'elevenlabs/']],
  fal: [['fal_ai', 'fal_ai/']],
  gemini: [['gemini', 'gemini/']],
  google: [['gemini', 'gemini/']],
  'google-vertex': [
    ['vertex_ai-embedding-models', ''],
    ['vertex_ai-image-models', 'vertex_ai/'],
  ],
  groq: [['groq', 'groq/']],
  jina: [['jina_ai', '']],
  mistral: [['mistral', 'mistral/']],
  nebius: [['nebius', 'nebius/']],
  novita: [['novita', 'novita/']],
  nscale: [['nscale', 'nscale/']],
  openai: [['openai', '']],
  perplexity: [['perplexity', 'perplexity/']],
  recraft: [['recraft', 'recraft/']],
  scaleway: [['scaleway', 'scaleway/']],
  snowflake: [['snowflake', 'snowflake/']],
  together: [['together_ai', 'together_ai/']],
  voyage: [['voyage', 'voyage/']],
};

/** LiteLLM's mode → ours. */
const modes = {
  embedding: 'embedding',
  rerank: 'rerank',
  image_generation: 'image',
  image_edit: 'image',
  audio_speech: 'speech',
  audio_transcription: 'transcription',
};

/** LiteLLM's path → our endpoint. */
const endpoints = {
  '/v1/embeddings': 'embeddings',
  '/v1/rerank': 'rerank',
  '/v1/images/generations': 'images.generations',
  '/v1/images/edits': 'images.edits',
  '/v1/images/variations': 'images.variations',
  '/v1/audio/speech': 'audio.speech',
  '/v1/audio/transcriptions': 'audio.transcriptions',
};
const usual = {
  embedding: 'embeddings',
  rerank: 'rerank',
  image_generation: 'images.generations',
  image_edit: 'images.edits',
  audio_speech: 'audio.speech',
  audio_transcription: 'audio.transcriptions',
};

/** What LiteLLM lists and our providers do not serve; `test/house/shipped-media.spec.ts` compares. */
const notServed = {
  'google-vertex': ['images.generations'],
  groq: ['audio.speech'],
  novita: ['rerank'],
  // Ended by OpenAI.
  openai: ['images.variations'],
  perplexity: ['embeddings'],
  snowflake: ['embeddings'],
};

/** Models that no package of their vendor speaks to. */
const notSpoken = { google: /^imagen-|-exp-/, gemini: /-exp-/, 'black-forest-labs': /^flux-pro-1\.0-expand$/ };

/** `hd/1024-x-1792/dall-e-3`: not a model but its price at one quality and size. */
const variantId = /^(?:(standard|hd|low|medium|high|auto)\/)?(?:(\d+)-x-(\d+)|max-x-max)\/(?:[\w-]+\/)*(.+)$/;
/** Fine-tunes, regions, experiments, and tools of Bedrock that take no prompt. */
const notAModel = /^ft:|\*|^(us|eu|global|bedrock)[./]|realtime|-exp-|^stability\.stable-(?!image-(core|ultra))/;
/** $1,000 per million tokens, $10 per million embedded ones (LiteLLM has some per thousand), $100 per anything else. */
const dearest = { tokens: 10n ** 12n, embedded: 10n ** 10n, pieces: 10n ** 17n };

/** The price of a model in our units, exact; undefined when a direction is missing or free. */
function priceOf(entry, scaled) {
  const perMillion = (number) => {
    const nanos = typeof number === 'number' && number > 0 ? scaled(number, 15) : undefined;
    return nanos && nanos > 0n ? nanos : undefined;
  };
  const tokens = (fields) => {
    const price = {};
    for (const [unit, number] of Object.entries(fields)) {
      const nanos = perMillion(number);
      if (nanos !== undefined && nanos <= dearest.tokens) price[unit] = `${nanos}`;
    }
    return price;
  };
  const piece = (unit, number) => {
    const nanos = perMillion(number);
    return nanos !== undefined && nanos <= (unit === 'input' ? dearest.embedded : dearest.pieces)
      ? { [unit]: `${nanos}` }
      : undefined;
  };
  switch (modes[entry.mode]) {
    case 'embedding':
      return piece('input', entry.input_cost_per_token);
    case 'rerank':
      return piece('searches', entry.input_cost_per_query) ?? piece('input', entry.input_cost_per_token);
    case 'speech': {
      const characters = piece('characters', entry.input_cost_per_character);
      const audio = entry.output_cost_per_audio_token ?? entry.output_cost_per_token;
      const price = characters ?? tokens({ input: entry.input_cost_per_token, output_audio: audio });
      return price.characters || (price.input && price.output_audio) ? price : undefined;
    }
    case 'transcription': {
      if (!entry.input_cost_per_audio_token) return piece('seconds', entry.input_cost_per_second);
      const { input_cost_per_token: input, input_cost_per_audio_token: audio, output_cost_per_token: output } = entry;
      const price = tokens({ input, output, input_audio: audio });
      return price.input && price.output && price.input_audio ? price : undefined;
    }
    case 'image': {
      if (entry.output_cost_per_image) return piece('images', entry.output_cost_per_image);
      if (entry.output_cost_per_image_token) {
        const price = tokens({
          input: entry.input_cost_per_token,
          output: entry.output_cost_per_token,
          input_image: entry.input_cost_per_image_token,
          output_image: entry.output_cost_per_image_token,
        });
        return price.input && price.output_image ? price : undefined;
      }
      return piece('images', entry.input_cost_per_image) ?? piece('pixels', entry.input_cost_per_pixel);
    }
    default:
      return undefined;
  }
}

/** `images:1024x1792/hd` of `hd/1024-x-1792/dall-e-3`: an image, or its pixels, rounded to a tenth of a cent. */
function variantsOf(id, entries, scaled) {
  const variants = {};
  for (const [key, entry] of entries) {
    const [, quality, width, height, model] = variantId.exec(key) ?? [];
    if (model !== id || width === undefined) continue;
    const dollars = entry.output_cost_per_image || (entry.input_cost_per_pixel ?? 0) * width * height;
    const nanos = scaled(Math.round(dollars * 1000) / 1000, 15);
    if (nanos > 0n) variants[`images:${width}x${height}${quality ? `/${quality}` : ''}`] = `${nanos}`;
  }
  return variants;
}

function servesOf(preset, id, entry) {
  const named = (entry.supported_endpoints ?? []).map((path) => endpoints[path]).filter(Boolean);
  const serves = new Set(named.length > 0 ? named : [usual[entry.mode]]);
  // OpenAI and Groq: Whisper translates, its turbo variant does not (their guides on speech to text).
  const translates = ['openai', 'azure', 'groq'].includes(preset) && /whisper/.test(id) && !/turbo/.test(id);
  if (translates) serves.add('audio.translations');
  // Named by OpenAI's reference of `POST /images/edits`.
  if (/^gpt-image-1\.5|^chatgpt-image/.test(id)) serves.add('images.edits');
  return [...serves].filter((endpoint) => !notServed[preset]?.includes(endpoint)).toSorted();
}

/** Lines of a preset: `[id, model]`. */
export function mediaModels(preset, { litellm, date, scaled }) {
  const lines = [];
  for (const [provider, prefix] of presets[preset] ?? []) {
    const entries = litellm
      .filter(([key, entry]) => entry.litellm_provider === provider && key.startsWith(prefix))
      .map(([key, entry]) => [key.slice(prefix.length), entry]);
    for (const [id, entry] of entries) {
      const mode = notSpoken[preset]?.test(id) ? undefined : modes[entry.mode];
      const ended = entry.deprecation_date !== undefined && entry.deprecation_date < date;
      if (!mode || ended || variantId.test(id) || notAModel.test(id)) continue;
      // Image models that LiteLLM reaches through chat answer nothing on the image endpoints.
      const paths = entry.supported_endpoints ?? [];
      if (paths.includes('/v1/chat/completions')) continue;
      const base = priceOf(entry, scaled);
      const serves = servesOf(preset, id, entry);
      if (!base || serves.length === 0) continue;
      const price = base.images ? { ...base, ...variantsOf(id, entries, scaled) } : base;
      const context = mode === 'embedding' || mode === 'rerank' ? entry.max_input_tokens : undefined;
      const model = {
        mode,
        serves,
        ...(Number.isSafeInteger(context) && context > 0 && { context }),
        ...(Number.isSafeInteger(entry.output_vector_size) && { dimensions: entry.output_vector_size }),
        price: { ...price, source: 'litellm', date },
      };
      lines.push([id, model]);
    }
  }
  return lines;
}

/** Presets that have such models. */
export const mediaPresets = Object.keys(presets);
