import { Controller, Inject } from '@nestjs/common';
import { audioTranslations, subjectOf } from '#libs/contracts';
import { InferenceWorker } from '#libs/inference';
import type { IncomingCall } from '#libs/messaging';
import { Serves } from '#libs/runtime';
import { translationsWork } from './translations.work.js';

@Controller()
export class TranslationsHandler {
  constructor(@Inject(InferenceWorker) private readonly worker: InferenceWorker) {}

  @Serves(subjectOf(audioTranslations))
  handle(call: IncomingCall): Promise<void> {
    return this.worker.run(call, translationsWork);
  }
}
