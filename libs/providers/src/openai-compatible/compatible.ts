import { defineProvider, type EmbeddingQuirks, type Provider } from '../provider.js';

/** Endpoint ids with OpenAI's path below the base URL; two lists where vendors serve both or neither. */
type Serving = readonly (readonly [endpoint: string, path: string])[];

export const chat: Serving = [['chat.completions', '/chat/completions']];
export const responses: Serving = [['responses', '/responses']];
export const completions: Serving = [['completions', '/completions']];
export const embeddings: Serving = [['embeddings', '/embeddings']];
export const images: Serving = [['images.generations', '/images/generations']];
export const imageEdits: Serving = [['images.edits', '/images/edits']];
export const imageVariations: Serving = [['images.variations', '/images/variations']];
export const speech: Serving = [['audio.speech', '/audio/speech']];
export const transcriptions: Serving = [['audio.transcriptions', '/audio/transcriptions']];
export const translations: Serving = [['audio.translations', '/audio/translations']];
export const audio: Serving = [...speech, ...transcriptions, ...translations];
export const moderations: Serving = [['moderations', '/moderations']];
export const rerank: Serving = [['rerank', '/rerank']];

/** A vendor on OpenAI's wire: bearer key, named after the id (`groq` → `GROQ_API_KEY`). */
export function compatible(id: string, name: string, baseUrl: string, serves: readonly Serving[]): Provider {
  return defineProvider({
    id,
    name,
    baseUrl,
    auth: { kind: 'bearer' },
    keyEnv: `${id.toUpperCase().replaceAll('-', '_')}_API_KEY`,
    serves: Object.fromEntries(serves.flat()),
  });
}

/**
 * A server that people run themselves, often without a key; the URL is where it listens by default. Many cannot fetch a
 * caller's URL, and one that can would fetch it from inside its owner's network.
 */
export function selfHosted(id: string, name: string, baseUrl: string, serves: readonly Serving[]): Provider {
  return { ...compatible(id, name, baseUrl, serves), keyOptional: true, quirks: { inlineMedia: true } };
}

/** An entry whose key is usually found under another variable. */
export function keyed(keyEnv: string, provider: Provider): Provider {
  return { ...provider, keyEnv };
}

/** What its embeddings endpoint lacks of OpenAI's. */
export function embeds(quirks: EmbeddingQuirks, provider: Provider): Provider {
  return { ...provider, quirks: { ...provider.quirks, embeddings: quirks } };
}

/** A vendor whose transcriptions have these formats only. */
export function transcribesAs(formats: readonly string[], provider: Provider): Provider {
  return { ...provider, quirks: { ...provider.quirks, transcriptFormats: formats } };
}

/** A vendor that bills an aborted call in full. */
export function billsAborted(provider: Provider): Provider {
  return { ...provider, billsAborted: true };
}

/** What else of an entry is not the rule. */
export function differing(
  provider: Provider,
  differences: Partial<Pick<Provider, 'baseUrl' | 'auth' | 'keyEnv' | 'keyOptional' | 'quirks' | 'ownServer'>>,
): Provider {
  return defineProvider({ ...provider, ...differences });
}
