import { Controller, Inject } from '@nestjs/common';
import { audioSpeech, subjectOf } from '#libs/contracts';
import { InferenceWorker } from '#libs/inference';
import type { IncomingCall } from '#libs/messaging';
import { Serves } from '#libs/runtime';
import { speechWork } from './speech.work.js';

@Controller()
export class SpeechHandler {
  constructor(@Inject(InferenceWorker) private readonly worker: InferenceWorker) {}

  @Serves(subjectOf(audioSpeech))
  handle(call: IncomingCall): Promise<void> {
    return this.worker.run(call, speechWork);
  }
}
