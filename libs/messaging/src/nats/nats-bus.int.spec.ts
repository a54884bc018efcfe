import { describe } from '@jest/globals';
import { describeBus } from '../bus.conformance.js';
import { LocalService } from '../testing/local-service.js';
import { connectNatsBus } from './connect-nats-bus.js';

describe('the NATS bus', () => {
  describeBus(async () => {
    const nats = await LocalService.nats();
    const servers = [`nats://127.0.0.1:${nats.port}`];
    return {
      connect: () => connectNatsBus({ servers, name: 'client', eventRetryMs: 20 }),
      peerOf: () => connectNatsBus({ servers, name: 'server', eventRetryMs: 20 }),
      stallMs: 10_000,
      stop: () => nats.stop(),
    };
  });
});
