import { Controller, Inject } from '@nestjs/common';
import { rerank, subjectOf } from '#libs/contracts';
import { InferenceWorker } from '#libs/inference';
import type { IncomingCall } from '#libs/messaging';
import { Serves } from '#libs/runtime';
import { rerankWork } from './rerank.work.js';

@Controller()
export class RerankHandler {
  constructor(@Inject(InferenceWorker) private readonly worker: InferenceWorker) {}

  @Serves(subjectOf(rerank))
  handle(call: IncomingCall): Promise<void> {
    return this.worker.run(call, rerankWork);
  }
}
