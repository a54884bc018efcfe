import { Controller, Inject } from '@nestjs/common';
import { embeddings, subjectOf } from '#libs/contracts';
import { InferenceWorker } from '#libs/inference';
import type { IncomingCall } from '#libs/messaging';
import { Serves } from '#libs/runtime';
import { embeddingsWork } from './embeddings.work.js';

@Controller()
export class EmbeddingsHandler {
  constructor(@Inject(InferenceWorker) private readonly worker: InferenceWorker) {}

  @Serves(subjectOf(embeddings))
  handle(call: IncomingCall): Promise<void> {
    return this.worker.run(call, embeddingsWork);
  }
}
