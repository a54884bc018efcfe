import { Controller, Inject } from '@nestjs/common';
import { audioTranscriptions, subjectOf } from '#libs/contracts';
import { InferenceWorker } from '#libs/inference';
import type { IncomingCall } from '#libs/messaging';
import { Serves } from '#libs/runtime';
import { transcriptionsWork } from './transcriptions.work.js';

@Controller()
export class TranscriptionsHandler {
  constructor(@Inject(InferenceWorker) private readonly worker: InferenceWorker) {}

  @Serves(subjectOf(audioTranscriptions))
  handle(call: IncomingCall): Promise<void> {
    return this.worker.run(call, transcriptionsWork);
  }
}
