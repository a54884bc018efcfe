import { audioTranslations } from '#libs/contracts';
import { transcriptWork } from './transcript-work.js';

/** Audio to English text; only servers on OpenAI's wire have it. */
export const translationsWork = transcriptWork(audioTranslations, 'translations', 'translate_audio');
