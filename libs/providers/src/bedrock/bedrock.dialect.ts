import type { Dialect } from '../dialect.js';
import { embedWithBedrock, rerankWithBedrock } from './bedrock-embeddings.js';
import { drawWithBedrock } from './bedrock-images.js';

export const bedrockDialect: Dialect = { embed: embedWithBedrock, rerank: rerankWithBedrock, draw: drawWithBedrock };
