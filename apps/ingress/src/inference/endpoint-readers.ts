import {
  audioSpeech,
  audioTranscriptions,
  audioTranslations,
  chatCompletions,
  embeddings,
  type Endpoint,
  imagesEdits,
  imagesGenerations,
  imagesVariations,
  rerank,
} from '#libs/contracts';
import type { AddressRules } from '#libs/providers';
import { readHeardForm } from '../audio/heard-request.js';
import { readSpeechRequest } from '../audio/speech-request.js';
import { readChatRequest } from '../chat/chat-request.js';
import { readEmbeddingsRequest } from '../embedding/embeddings-request.js';
import { readRerankRequest } from '../embedding/rerank-request.js';
import { readImageForm, readImageRequest } from '../image/image-request.js';
import type { ReadRequest, UploadedForm } from './intake.js';

/** How the requests of an endpoint are read: as JSON, as a form, or as either. */
export interface EndpointReader {
  readonly endpoint: Endpoint;
  /** `rules`: where files that the request names by URL may be. */
  readonly json?: (endpoint: Endpoint, raw: unknown, rules?: AddressRules) => ReadRequest;
  readonly form?: (endpoint: Endpoint, uploaded: UploadedForm) => ReadRequest;
}

/** Every endpoint that is served; one line each. */
export const endpointReaders: readonly EndpointReader[] = [
  { endpoint: chatCompletions, json: (_endpoint, raw, rules) => readChatRequest(raw, rules) },
  { endpoint: embeddings, json: (_endpoint, raw) => readEmbeddingsRequest(raw) },
  { endpoint: rerank, json: (_endpoint, raw) => readRerankRequest(raw) },
  { endpoint: audioSpeech, json: (_endpoint, raw) => readSpeechRequest(raw) },
  { endpoint: audioTranscriptions, form: readHeardForm },
  { endpoint: audioTranslations, form: readHeardForm },
  { endpoint: imagesGenerations, json: readImageRequest },
  { endpoint: imagesEdits, json: readImageRequest, form: readImageForm },
  { endpoint: imagesVariations, form: readImageForm },
];
