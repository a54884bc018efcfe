import { type Bus, connectNatsBus } from '#libs/messaging';
import type { Logger } from '#libs/telemetry';
import { StartError } from './start-error.js';

/** The bus of a process of the cluster. */
export async function connectBus(servers: string | undefined, name: string, logger: Logger): Promise<Bus> {
  if (servers === undefined) throw new StartError(['NATS_URL is not set']);
  try {
    return await connectNatsBus({ servers: servers.split(','), name, logger });
  } catch (error) {
    throw new StartError([(error as Error).message]);
  }
}
