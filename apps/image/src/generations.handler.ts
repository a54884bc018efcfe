import { Controller, Inject } from '@nestjs/common';
import { imagesGenerations, subjectOf } from '#libs/contracts';
import { type EndpointWork, InferenceWorker } from '#libs/inference';
import type { IncomingCall } from '#libs/messaging';
import { Serves } from '#libs/runtime';
import { generationsWork } from './generations.work.js';
import { ImageParts } from './image-parts.js';

@Controller()
export class GenerationsHandler {
  private readonly work: EndpointWork;

  constructor(
    @Inject(InferenceWorker) private readonly worker: InferenceWorker,
    @Inject(ImageParts) parts: ImageParts,
  ) {
    this.work = generationsWork(parts);
  }

  @Serves(subjectOf(imagesGenerations))
  handle(call: IncomingCall): Promise<void> {
    return this.worker.run(call, this.work);
  }
}
