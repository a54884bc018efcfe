import { afterAll, beforeAll, describe } from '@jest/globals';
import { describeBackPressure } from './testing/back-pressure.conformance.js';
import { describeBodies } from './testing/bodies.conformance.js';
import { describeBodyEnds } from './testing/body-ends.conformance.js';
import type { BusUnderTest, Sides } from './testing/bus-under-test.js';
import { describeCalls } from './testing/calls.conformance.js';
import { describeDrain } from './testing/drain.conformance.js';
import { describeEnds } from './testing/ends.conformance.js';
import { describeEvents } from './testing/events.conformance.js';

/** What every adapter must do. `start` is called once. */
export function describeBus(start: () => Promise<BusUnderTest>): void {
  describe('conformance', () => {
    const under: { test?: BusUnderTest; sides?: Sides } = {};
    const sides = (): Sides => {
      if (!under.sides) throw new Error('the buses are not connected');
      return under.sides;
    };
    const adapter = (): BusUnderTest => {
      if (!under.test) throw new Error('the adapter has not started');
      return under.test;
    };

    beforeAll(async () => {
      under.test = await start();
      const client = await under.test.connect();
      under.sides = { client, server: await under.test.peerOf(client) };
    }, 30_000);

    afterAll(async () => {
      await Promise.all([under.sides?.client.drain(100), under.sides?.server.drain(100)]);
      await under.test?.stop();
    }, 30_000);

    describeCalls(sides);
    describeEnds(sides);
    describeBackPressure(sides, adapter);
    describeBodies(sides);
    describeBodyEnds(sides, adapter);
    describeDrain(adapter);
    describeEvents(adapter);
  });
}
