import { Controller, Inject } from '@nestjs/common';
import { imagesVariations, subjectOf } from '#libs/contracts';
import { type EndpointWork, InferenceWorker } from '#libs/inference';
import type { IncomingCall } from '#libs/messaging';
import { Serves } from '#libs/runtime';
import { variationsWork } from './variations.work.js';
import { ImageParts } from './image-parts.js';

@Controller()
export class VariationsHandler {
  private readonly work: EndpointWork;

  constructor(
    @Inject(InferenceWorker) private readonly worker: InferenceWorker,
    @Inject(ImageParts) parts: ImageParts,
  ) {
    this.work = variationsWork(parts);
  }

  @Serves(subjectOf(imagesVariations))
  handle(call: IncomingCall): Promise<void> {
    return this.worker.run(call, this.work);
  }
}
