import type { Dialect } from '../dialect.js';
import { falAudio } from './fal-audio.js';
import { drawWithFal } from './fal-images.js';

export const falDialect: Dialect = { ...falAudio, draw: drawWithFal };
