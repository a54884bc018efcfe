import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { inferenceCallHead } from '#libs/contracts';
import type { IncomingCall } from '#libs/messaging';
import { AnswerMemory } from './answer-memory.js';
import type { EndpointWork } from './attempt.js';
import { GatewayLinks } from './gateway-links.js';
import { InferenceCall } from './inference-call.js';
import { Outbound } from './outbound.js';
import { ServedModels } from './served-models.js';

/** Runs the calls of a worker app; its handlers hand each `IncomingCall` on with the work of their endpoint. */
@Injectable()
export class InferenceWorker implements OnApplicationShutdown {
  constructor(
    @Inject(GatewayLinks) private readonly links: GatewayLinks,
    @Inject(ServedModels) private readonly models: ServedModels,
    @Inject(Outbound) private readonly outbound: Outbound,
    @Inject(AnswerMemory) private readonly memory: AnswerMemory,
  ) {}

  /** Ends the call, or rejects with what the caller is to hear. */
  async run(call: IncomingCall, work: EndpointWork): Promise<void> {
    const head = inferenceCallHead.parse(call.head);
    const { bus, logger, holds, pauses } = this.links;
    const { router, egress } = this.outbound;
    // Read once: a reload does not change a call half-way.
    const { catalog, upstreams } = this.models;
    const answers = this.memory.open();
    const parts = { bus, logger, holds, pauses, router, egress, catalog, upstreams, answers };
    try {
      await new InferenceCall(call, head, work, parts).run();
    } finally {
      answers.close();
    }
  }

  onApplicationShutdown(): void {
    this.links.holds.stop();
  }
}
