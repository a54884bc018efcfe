import { describe } from '@jest/globals';
import { describeBus } from '../bus.conformance.js';
import { createInProcessBus } from './in-process-bus.js';

describe('the in-process bus', () => {
  describeBus(() =>
    Promise.resolve({
      connect: () => Promise.resolve(createInProcessBus({ eventRetryMs: 20 })),
      peerOf: (bus) => Promise.resolve(bus),
      stallMs: 3_000,
      stop: () => Promise.resolve(),
    }),
  );
});
