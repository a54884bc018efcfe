import type { Dialect } from '../dialect.js';
import { embedWithVertex } from './vertex-embeddings.js';

export const vertexDialect: Dialect = { embed: embedWithVertex };
