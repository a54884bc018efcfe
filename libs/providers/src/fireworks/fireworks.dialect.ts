import type { Dialect } from '../dialect.js';
import { drawWithFireworks } from './fireworks-images.js';

export const fireworksDialect: Dialect = { draw: drawWithFireworks };
