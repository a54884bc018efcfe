import type { Dialect } from '../dialect.js';
import { drawWithReplicate } from './replicate-images.js';

export const replicateDialect: Dialect = { draw: drawWithReplicate };
