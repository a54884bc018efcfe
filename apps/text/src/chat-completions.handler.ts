import { Controller, Inject } from '@nestjs/common';
import { chatCompletions, inferenceCallHead, subjectOf } from '#libs/contracts';
import type { IncomingCall } from '#libs/messaging';
import { Serves } from '#libs/runtime';
import { ChatCall } from './chat-call.js';
import { GatewayLinks } from './gateway-links.js';
import { Outbound } from './outbound.js';
import { ServedModels } from './served-models.js';

@Controller()
export class ChatCompletionsHandler {
  constructor(
    @Inject(GatewayLinks) private readonly links: GatewayLinks,
    @Inject(ServedModels) private readonly models: ServedModels,
    @Inject(Outbound) private readonly outbound: Outbound,
  ) {}

  @Serves(subjectOf(chatCompletions))
  async handle(call: IncomingCall): Promise<void> {
    const head = inferenceCallHead.parse(call.head);
    const { bus, logger, holds, pauses } = this.links;
    const { router, egress } = this.outbound;
    // Read once: a reload does not change a call half-way.
    const { catalog, upstreams } = this.models;
    await new ChatCall(call, head, { bus, logger, holds, pauses, router, egress, catalog, upstreams }).run();
  }
}
