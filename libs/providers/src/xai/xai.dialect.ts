import type { Dialect } from '../dialect.js';
import { xaiAudio } from './xai-audio.js';
import { drawWithXai } from './xai-images.js';

export const xaiDialect: Dialect = { ...xaiAudio, draw: drawWithXai };
