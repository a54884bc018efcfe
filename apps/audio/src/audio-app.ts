import { plainWorkerApp } from '#libs/inference';
import { SpeechHandler } from './speech.handler.js';
import { TranscriptionsHandler } from './transcriptions.handler.js';
import { TranslationsHandler } from './translations.handler.js';

/** The audio worker. */
export const audioApp = plainWorkerApp('audio', [SpeechHandler, TranscriptionsHandler, TranslationsHandler]);
