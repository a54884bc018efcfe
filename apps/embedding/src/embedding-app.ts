import { plainWorkerApp } from '#libs/inference';
import { EmbeddingsHandler } from './embeddings.handler.js';
import { RerankHandler } from './rerank.handler.js';

/** The embedding worker. */
export const embeddingApp = plainWorkerApp('embedding', [EmbeddingsHandler, RerankHandler]);
