import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import type { Bus } from '../bus.js';
import { type MessagingLogger, silentLogger } from '../messaging-logger.js';
import { retryDelay } from '../retry-delay.js';
import { NatsBus, type NatsBusSettings } from './nats-bus.js';

/** How to reach NATS, and what may differ from the defaults. */
export interface NatsBusOptions extends Partial<NatsBusSettings> {
  /** `nats://host:port`; user and password, or a token, may stand in the first. */
  readonly servers: readonly string[];
  /** Shown by the server's monitoring; the app's name. */
  readonly name: string;
  readonly logger?: MessagingLogger;
  /** How long the first connection is tried for. Afterwards it is for ever. */
  readonly connectTimeoutMs?: number;
}

const defaults: NatsBusSettings = {
  logger: silentLogger,
  pingMs: 5_000,
  deadMs: 15_000,
  probeMs: 1_000,
  maxBodyBytes: 64 * 1024 * 1024,
  maxPendingBodyBytes: 256 * 1024 * 1024,
  inlineBodyBytes: 512 * 1024,
  streams: [{ name: 'USAGE', subjects: ['usage.v1.>'] }],
  streamLimits: { replicas: 1, maxBytes: -1, maxAgeMs: 30 * 24 * 3_600_000 },
  eventGiveUpMs: 60_000,
  maxQueuedEvents: 10_000,
  eventRetryMs: 250,
};

/** Connects this process to NATS. Throws a plain sentence when no server answers in time. */
export async function connectNatsBus(options: NatsBusOptions): Promise<Bus> {
  const connection = await connectToNats(options);
  return new NatsBus(connection, natsBusSettings(options));
}

/** The defaults with what differs from them. */
export function natsBusSettings(different: Partial<NatsBusSettings>): NatsBusSettings {
  return { ...defaults, ...different };
}

/** A connection that comes back for ever, at random intervals so that a restarted server is not stormed. */
export async function connectToNats(options: NatsBusOptions): Promise<NatsConnection> {
  const servers = options.servers.map((server) => server.trim());
  const giveUpAt = performance.now() + (options.connectTimeoutMs ?? 10_000);
  for (let attempt = 1; ; attempt++) {
    try {
      return await connect({
        ...credentialsOf(servers[0] ?? ''),
        servers: servers.map(withoutCredentials),
        name: options.name,
        maxReconnectAttempts: -1,
        reconnectDelayHandler: () => 100 + Math.random() * 900,
        ignoreAuthErrorAbort: true,
        pingInterval: 20_000,
        noAsyncTraces: true,
        timeout: 5_000,
      });
    } catch (error) {
      const delayMs = retryDelay(attempt, 100, 1_000);
      if (performance.now() + delayMs > giveUpAt) {
        const hosts = servers.map(withoutCredentials).join(', ');
        throw new Error(`NATS does not answer at ${hosts}. Start it, or correct NATS_URL.`, { cause: error });
      }
      await sleep(delayMs);
    }
  }
}

function credentialsOf(server: string): { user?: string; pass?: string; token?: string } {
  const userInfo = /^[a-z]+:\/\/([^@/]+)@/.exec(server)?.[1];
  if (userInfo === undefined) return {};
  const [user = '', pass] = userInfo.split(':').map(decodeURIComponent);
  return pass === undefined ? { token: user } : { user, pass };
}

function withoutCredentials(server: string): string {
  return server.replace(/^([a-z]+:\/\/)[^@/]+@/, '$1');
}
