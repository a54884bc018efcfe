import type { Dialect } from '../dialect.js';
import { googleAudio } from './google-audio.js';
import { embedWithGoogle } from './google-embeddings.js';
import { drawWithGoogle } from './google-images.js';

export const googleDialect: Dialect = { ...googleAudio, embed: embedWithGoogle, draw: drawWithGoogle };
