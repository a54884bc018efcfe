import { Controller, Inject } from '@nestjs/common';
import { chatCompletions, subjectOf } from '#libs/contracts';
import { type EndpointWork, InferenceWorker } from '#libs/inference';
import type { IncomingCall } from '#libs/messaging';
import { MediaFetcher } from '#libs/providers';
import { Serves } from '#libs/runtime';
import { chatWork } from './chat-work.js';

@Controller()
export class ChatCompletionsHandler {
  private readonly work: EndpointWork;

  constructor(
    @Inject(InferenceWorker) private readonly worker: InferenceWorker,
    @Inject(MediaFetcher) media: MediaFetcher,
  ) {
    this.work = chatWork(media);
  }

  @Serves(subjectOf(chatCompletions))
  handle(call: IncomingCall): Promise<void> {
    return this.worker.run(call, this.work);
  }
}
