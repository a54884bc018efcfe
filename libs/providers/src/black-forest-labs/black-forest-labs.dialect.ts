import type { Dialect } from '../dialect.js';
import { drawWithBfl } from './bfl-images.js';

export const blackForestLabsDialect: Dialect = { draw: drawWithBfl };
