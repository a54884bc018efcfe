import { WireError } from './wire-error.js';

/** A model of the sandbox that is not for chat. */
export interface MediaModel {
  readonly id: string;
  /** What it answers on. */
  readonly paths: readonly string[];
  /** How it reports what was used. */
  readonly usage: 'tokens' | 'seconds' | 'none';
}

const prefix = 'sandbox/';
const images = ['/v1/images/generations', '/v1/images/edits'];

/** Every one of them; `docs/sandbox.md` holds the same table. */
export const mediaModels: readonly MediaModel[] = [
  { id: 'sandbox/embedding', paths: ['/v1/embeddings'], usage: 'tokens' },
  { id: 'sandbox/embedding-large', paths: ['/v1/embeddings'], usage: 'tokens' },
  { id: 'sandbox/embedding-small', paths: ['/v1/embeddings'], usage: 'tokens' },
  { id: 'sandbox/rerank', paths: ['/v1/rerank'], usage: 'tokens' },
  { id: 'sandbox/speech', paths: ['/v1/audio/speech'], usage: 'tokens' },
  { id: 'sandbox/speech-tokens', paths: ['/v1/audio/speech'], usage: 'tokens' },
  { id: 'sandbox/transcribe', paths: ['/v1/audio/transcriptions'], usage: 'tokens' },
  { id: 'sandbox/whisper', paths: ['/v1/audio/transcriptions', '/v1/audio/translations'], usage: 'seconds' },
  { id: 'sandbox/image', paths: images, usage: 'tokens' },
  { id: 'sandbox/image-sized', paths: [...images, '/v1/images/variations'], usage: 'none' },
  { id: 'sandbox/image-pixels', paths: images, usage: 'none' },
];

/** By its id, with or without `sandbox/`; throws OpenAI's error for a model that is not there, or not for this path. */
export function mediaModel(name: unknown, path: string): MediaModel {
  if (typeof name !== 'string') {
    throw new WireError(400, { message: 'you must provide a model parameter', param: 'model' });
  }
  const model = mediaModels.find(({ id }) => id === name || id === prefix + name);
  if (!model) {
    const message = `The model \`${name}\` does not exist or you do not have access to it.`;
    throw new WireError(404, { message, param: 'model', code: 'model_not_found' });
  }
  if (!model.paths.includes(path)) {
    throw new WireError(400, { message: `The model \`${name}\` does not answer on ${path}.`, param: 'model' });
  }
  return model;
}
