import { audioTranscriptions } from '#libs/contracts';
import { transcriptWork } from './transcript-work.js';

/** Audio to text in its own language. */
export const transcriptionsWork = transcriptWork(audioTranscriptions, 'transcriptions', 'transcribe');
