import type { Server } from 'node:http';
import type { Bus } from '#libs/messaging';
import { type Logger, stopTelemetry } from '#libs/telemetry';
import type { FileLiveConfig } from './file-live-config.js';
import type { HealthServer } from './health-server.js';
import type { BoundDoor, BusApplication } from './nest-application.js';

/** What runs in a process, in the hands of its stop. */
export interface RunningParts {
  readonly application: BusApplication;
  readonly door: BoundDoor | undefined;
  readonly bus: Bus;
  readonly health: HealthServer | undefined;
  readonly liveConfig: FileLiveConfig;
  readonly logger: Logger;
  readonly drainMs: number;
}

/** So long before the sockets are cut, calls that go on are asked to finish: their answers can still say why. */
const finishLeadMs = 5_000;

/**
 * Refuses new work, lets what is in flight finish, then takes the floor away from under it: HTTP before the bus,
 * the bus (which flushes events) before the modules that store them. A step that fails does not stop the next.
 */
export async function stopOrderly(parts: RunningParts): Promise<void> {
  const { application, door, logger } = parts;
  const deadline = Date.now() + parts.drainMs;
  parts.liveConfig.close();
  parts.health?.beginDrain();
  const step = async (name: string, work: () => Promise<unknown> | undefined): Promise<void> => {
    const startedAt = performance.now();
    try {
      await work();
      logger.debug(
        { durationMs: Math.round(performance.now() - startedAt), reason: name },
        'a step of the stop is done',
      );
    } catch (error) {
      logger.error({ error: error as Error, reason: name }, 'a step of the stop failed');
    }
  };
  await step('http', async () => {
    if (!application.http) return;
    door?.door.beginDrain?.(application.http);
    const finish = finishCallsBefore(deadline, parts);
    await drainHttp(application.http.getHttpServer() as Server, deadline);
    clearTimeout(finish);
  });
  await step('bus', () => parts.bus.drain(Math.max(1_000, deadline - Date.now())));
  await step('modules', () => application.close());
  await step('health', () => parts.health?.close());
  await step('telemetry', stopTelemetry);
}

/** The handlers get one half of the time that is left, their last words on the way to the callers the other. */
function finishCallsBefore(deadline: number, { bus, drainMs }: RunningParts): NodeJS.Timeout {
  const leadMs = Math.min(finishLeadMs, drainMs / 2);
  return setTimeout(() => void bus.finishCalls(leadMs / 2), Math.max(0, deadline - leadMs - Date.now()));
}

/** Accepts nothing new and waits until the last answer is out; connections left at the deadline are cut. */
async function drainHttp(server: Server, deadline: number): Promise<void> {
  if (!server.listening) return;
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // A kept-alive connection becomes idle only when its answer is out: look again and again.
  const sweep = setInterval(() => server.closeIdleConnections(), 50);
  const cut = setTimeout(() => server.closeAllConnections(), Math.max(0, deadline - Date.now()));
  await closed;
  clearInterval(sweep);
  clearTimeout(cut);
}
