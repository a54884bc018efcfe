import { Controller, Inject } from '@nestjs/common';
import { chatCompletions, inferenceCallHead, subjectOf } from '#libs/contracts';
import type { Bus, IncomingCall } from '#libs/messaging';
import { BUS, LOGGER, Serves } from '#libs/runtime';
import type { Logger } from '#libs/telemetry';
import { ChatCall } from './chat-call.js';
import { Outbound } from './outbound.js';
import { ServedModels } from './served-models.js';

@Controller()
export class ChatCompletionsHandler {
  constructor(
    @Inject(BUS) private readonly bus: Bus,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(ServedModels) private readonly models: ServedModels,
    @Inject(Outbound) private readonly outbound: Outbound,
  ) {}

  @Serves(subjectOf(chatCompletions))
  async handle(call: IncomingCall): Promise<void> {
    const head = inferenceCallHead.parse(call.head);
    const { bus, logger, models, outbound } = this;
    const { router, egress } = outbound;
    // Read once: a reload does not change a call half-way.
    const { catalog, upstreams } = models;
    await new ChatCall(call, head, { bus, logger, router, egress, catalog, upstreams }).run();
  }
}
