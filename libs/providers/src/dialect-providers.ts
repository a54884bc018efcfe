import { bedrockImageRules } from './bedrock/bedrock-image-rules.js';
import { bflImageRules } from './black-forest-labs/bfl-image-rules.js';
import type { DialectEntry } from './dialect.js';
import { falImageRules } from './fal/fal-image-rules.js';
import { fireworksImageRules } from './fireworks/fireworks-image-rules.js';
import { googleImageRules } from './google/google-image-rules.js';
import { lumaImageRules } from './luma/luma-image-rules.js';
import { compatible } from './openai-compatible/compatible.js';
import type { Provider } from './provider.js';
import { replicateImageRules } from './replicate/replicate-image-rules.js';
import { xaiImageRules } from './xai/xai-image-rules.js';

const draws = ['images.generations', 'images.edits'] as const;
const varies = ['images.variations'] as const;
const speaks = ['audio.speech'] as const;
const transcribes = ['audio.transcriptions'] as const;

const embeds = ['embeddings'] as const;
const reranks = ['rerank'] as const;

/** A vendor whose every endpoint is in its own protocol: key under `<ID>_API_KEY`. */
function vendor(id: string, name: string, baseUrl: string, dialect: DialectEntry): Provider {
  return { ...compatible(id, name, baseUrl, []), dialect };
}

/** Providers that speak nothing but their own protocol. */
export const dialectProviders: readonly Provider[] = [
  vendor('google', 'Google', 'https://generativelanguage.googleapis.com/v1beta', {
    serves: [...embeds, ...draws, ...speaks, ...transcribes],
    origins: [],
    draws: googleImageRules,
    load: async () => (await import('./google/google.dialect.js')).googleDialect,
  }),
  {
    // An access token where `variables` names a project (and a location), else an API key in express mode.
    ...vendor('google-vertex', 'Vertex AI', 'https://aiplatform.googleapis.com', {
      serves: [...embeds],
      origins: ['https://{location}-aiplatform.googleapis.com', 'https://aiplatform.{location}.rep.googleapis.com'],
      load: async () => (await import('./google-vertex/vertex.dialect.js')).vertexDialect,
    }),
    keyEnv: 'GOOGLE_ACCESS_TOKEN',
  },
  vendor('fal', 'fal', 'https://fal.run', {
    serves: [...draws, ...varies, ...speaks, ...transcribes],
    // Speech is fetched from its store, without our credential.
    origins: ['https://queue.fal.run', 'https://*.fal.media'],
    draws: falImageRules,
    load: async () => (await import('./fal/fal.dialect.js')).falDialect,
  }),
  vendor('replicate', 'Replicate', 'https://api.replicate.com/v1', {
    serves: [...draws, ...varies],
    origins: [],
    draws: replicateImageRules,
    load: async () => (await import('./replicate/replicate.dialect.js')).replicateDialect,
  }),
  vendor('black-forest-labs', 'Black Forest Labs', 'https://api.bfl.ai/v1', {
    serves: [...draws, ...varies],
    // Jobs are looked at where they run: `api.us1.bfl.ai`.
    origins: ['https://*.bfl.ai'],
    draws: bflImageRules,
    load: async () => (await import('./black-forest-labs/black-forest-labs.dialect.js')).blackForestLabsDialect,
  }),
  vendor('luma', 'Luma', 'https://api.lumalabs.ai', {
    serves: [...draws],
    origins: [],
    draws: lumaImageRules,
    load: async () => (await import('./luma/luma.dialect.js')).lumaDialect,
  }),
  vendor('elevenlabs', 'ElevenLabs', 'https://api.elevenlabs.io', {
    serves: [...speaks, ...transcribes],
    origins: [],
    load: async () => (await import('./elevenlabs/elevenlabs.dialect.js')).elevenLabsDialect,
  }),
  vendor('deepgram', 'Deepgram', 'https://api.deepgram.com', {
    serves: [...speaks, ...transcribes],
    origins: [],
    load: async () => (await import('./deepgram/deepgram.dialect.js')).deepgramDialect,
  }),
  vendor('assemblyai', 'AssemblyAI', 'https://api.assemblyai.com', {
    serves: [...transcribes],
    origins: [],
    load: async () => (await import('./assemblyai/assemblyai.dialect.js')).assemblyAiDialect,
  }),
  vendor('gladia', 'Gladia', 'https://api.gladia.io', {
    serves: [...transcribes],
    origins: [],
    load: async () => (await import('./gladia/gladia.dialect.js')).gladiaDialect,
  }),
  vendor('revai', 'Rev.ai', 'https://api.rev.ai', {
    serves: [...transcribes],
    origins: [],
    load: async () => (await import('./revai/revai.dialect.js')).revAiDialect,
  }),
  vendor('hume', 'Hume', 'https://api.hume.ai', {
    serves: [...speaks],
    origins: [],
    load: async () => (await import('./hume/hume.dialect.js')).humeDialect,
  }),
  vendor('lmnt', 'LMNT', 'https://api.lmnt.com', {
    serves: [...speaks],
    origins: [],
    load: async () => (await import('./lmnt/lmnt.dialect.js')).lmntDialect,
  }),
];

/** What vendors of the compatible list serve in a protocol of their own beside it, by the provider's id. */
export const dialectsOfCompatible: Readonly<Record<string, DialectEntry>> = {
  xai: {
    serves: ['images.edits', ...speaks, ...transcribes],
    origins: [],
    draws: xaiImageRules,
    load: async () => (await import('./xai/xai.dialect.js')).xaiDialect,
  },
  fireworks: {
    serves: [...draws],
    origins: [],
    draws: fireworksImageRules,
    load: async () => (await import('./fireworks/fireworks.dialect.js')).fireworksDialect,
  },
  cohere: {
    serves: [...embeds, ...reranks],
    origins: ['https://api.cohere.com'],
    load: async () => (await import('./cohere/cohere.dialect.js')).cohereDialect,
  },
  gemini: {
    serves: [...embeds, ...speaks, ...transcribes, 'images.edits'],
    origins: [],
    draws: googleImageRules,
    load: async () => (await import('./google/google.dialect.js')).googleDialect,
  },
  bedrock: {
    serves: [...embeds, ...reranks, ...draws, ...varies],
    // Reranking is a service of its own.
    origins: ['https://bedrock-agent-runtime.{region}.amazonaws.com', 'https://bedrock-runtime.{region}.amazonaws.com'],
    draws: bedrockImageRules,
    load: async () => (await import('./bedrock/bedrock.dialect.js')).bedrockDialect,
  },
  mistral: {
    serves: [...speaks, ...transcribes],
    origins: [],
    load: async () => (await import('./mistral/mistral.dialect.js')).mistralDialect,
  },
};

/** A provider of the compatible list with its dialect, if it has one. */
export function speaking(provider: Provider): Provider {
  const dialect = dialectsOfCompatible[provider.id];
  return dialect ? { ...provider, dialect } : provider;
}
