import type { Dialect } from '../dialect.js';
import { drawWithLuma } from './luma-images.js';

export const lumaDialect: Dialect = { draw: drawWithLuma };
