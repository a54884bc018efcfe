import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { audioApp } from '#apps/audio';
import { billingApp } from '#apps/billing';
import { embeddingApp } from '#apps/embedding';
import { imageApp } from '#apps/image';
import { ingressApp } from '#apps/ingress';
import { startSandbox } from '#apps/sandbox';
import { textApp } from '#apps/text';
import { mediaSecretFrom } from '#libs/contracts';
import { createInProcessBus } from '#libs/messaging';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '#libs/persistence';
import { type Environment, startApps, StartError } from '#libs/runtime';
import type { Logger } from '#libs/telemetry';
import { type DataDirectory, openDataDirectory } from './data-directory.js';
import { KeptServer } from './kept-server.js';

/** The whole gateway in this process, and a Postgres server beside it. */
export interface Standalone {
  /** With `/v1`. */
  readonly baseUrl: string;
  readonly dataDirectory: DataDirectory;
  readonly logger: Logger;
  /** Calls that a stop waits for. */
  readonly callsInFlight: number;
  reloadConfig(): boolean;
  /** Orderly; leaves no process. */
  stop(): Promise<void>;
}

/** Starts everything on the data folder; a `StartError` says what is in the way. */
export async function startStandalone(env: Environment): Promise<Standalone> {
  const dataDirectory = openDataDirectory(env['MODAPI_DATA_DIR'] || '.modapi');
  // Taken down in reverse order, on a stop as on a start that fails half-way.
  const undo: (() => Promise<void> | void)[] = [() => dataDirectory.release()];
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).toReversed()) await step();
  };
  try {
    const [database, sandbox] = await Promise.all([
      openDatabase(env, dataDirectory),
      startSandbox({ callLog: env['MODAPI_SANDBOX_CALL_LOG'] || undefined }),
    ]);
    undo.push(
      () => database.stop(),
      () => sandbox.close(),
    );
    let callsInFlight = (): number => 0;
    const apps = await startApps([ingressApp, textApp, embeddingApp, audioApp, imageApp, billingApp], {
      name: 'standalone',
      bus: (logger) => {
        const bus = createInProcessBus({ logger });
        callsInFlight = () => bus.callsInFlight;
        return bus;
      },
      env: environmentOf(env, dataDirectory, database.url, sandbox.url),
    });
    undo.push(() => apps.stop());
    const { url = '', logger } = apps;
    database.watch(logger);
    return {
      baseUrl: `${url}/v1`,
      dataDirectory,
      logger,
      get callsInFlight() {
        return callsInFlight();
      },
      reloadConfig: () => apps.reloadConfig(),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function environmentOf(env: Environment, dataDirectory: DataDirectory, databaseUrl: string, sandboxUrl: string) {
  const { pepper, apiKey, adminKey } = dataDirectory.secrets;
  return {
    // Our answers to the caller's question come first on the screen; the operator may ask for more.
    LOG_LEVEL: 'warn',
    BLOB_URL: pathToFileURL(join(dataDirectory.path, 'blobs')).href,
    MODAPI_HTTP_HOST: '127.0.0.1',
    MODAPI_HTTP_PORT: '8080',
    ...withoutEmpty(env),
    DATABASE_URL: databaseUrl,
    MODAPI_SANDBOX_URL: sandboxUrl,
    MODAPI_KEY_PEPPER: pepper,
    MODAPI_MEDIA_SECRET: mediaSecretFrom(pepper),
    MODAPI_BOOTSTRAP_API_KEY: apiKey,
    MODAPI_BOOTSTRAP_ADMIN_KEY: adminKey,
  };
}

function withoutEmpty(env: Environment): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
}

interface Database {
  readonly url: string;
  /** From now on a server that dies is started again. */
  watch(logger: Logger): void;
  stop(): Promise<void>;
}

/** The operator's database, or a server of our own in the data folder. */
async function openDatabase(env: Environment, dataDirectory: DataDirectory): Promise<Database> {
  const given = env['DATABASE_URL'];
  if (given) return { url: given, watch: () => undefined, stop: async () => undefined };
  const folder = join(dataDirectory.path, 'postgres');
  const server = await start(folder);
  const kept = new KeptServer(server, () => startEmbeddedPostgres(folder, { port: server.port }));
  return { url: server.url, watch: (logger) => kept.watch(logger), stop: () => kept.stop() };
}

async function start(folder: string): Promise<EmbeddedPostgres> {
  try {
    return await startEmbeddedPostgres(folder);
  } catch (error) {
    throw new StartError([(error as Error).message]);
  }
}
