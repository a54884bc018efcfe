import { Controller, Inject } from '@nestjs/common';
import { imagesEdits, subjectOf } from '#libs/contracts';
import { type EndpointWork, InferenceWorker } from '#libs/inference';
import type { IncomingCall } from '#libs/messaging';
import { Serves } from '#libs/runtime';
import { editsWork } from './edits.work.js';
import { ImageParts } from './image-parts.js';

@Controller()
export class EditsHandler {
  private readonly work: EndpointWork;

  constructor(
    @Inject(InferenceWorker) private readonly worker: InferenceWorker,
    @Inject(ImageParts) parts: ImageParts,
  ) {
    this.work = editsWork(parts);
  }

  @Serves(subjectOf(imagesEdits))
  handle(call: IncomingCall): Promise<void> {
    return this.worker.run(call, this.work);
  }
}
