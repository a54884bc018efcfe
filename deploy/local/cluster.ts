import { createServer } from 'node:net';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openDataDirectory } from '#apps/standalone';
import { buildCatalog } from '#libs/catalog';
import { buildUpstreams } from '#libs/providers';
import { createSecretReader, type Environment, FileLiveConfig, listenProblem, StartError } from '#libs/runtime';
import { logger } from '#libs/telemetry';
import { ChildApp } from './child-app.js';
import { type ClusterSettings, environmentOf } from './cluster-environment.js';
import { startClusterServices } from './cluster-services.js';
import { projectRoot } from './project-root.js';

/** In the order of the stop: who takes work in goes first, who stores it last. */
const stopOrder = ['ingress', 'text', 'embedding', 'audio', 'image', 'billing', 'sandbox'] as const;
const nodeFlags = process.execArgv;

export interface ClusterOptions {
  readonly env: Environment;
  /** Processes per app; one where nothing is said. */
  readonly scale: Readonly<Record<string, number>>;
  readonly print: (line: string) => void;
}

/** Every app of the gateway as processes of its own on this machine. */
export interface LocalCluster {
  /** With `/v1`. */
  readonly baseUrl: string;
  readonly apiKey: string;
  writeClientEnv(): string;
  /** Every app reads modapi.yaml again. */
  reloadConfig(): true;
  /** Ingress first, then the workers, then billing, then the services. Leaves no process. */
  stop(): Promise<void>;
  killNow(): void;
}

/** Refuses a modapi.yaml that an app would refuse, with everything that is wrong in it. */
function checkConfig(env: Environment): void {
  const file = env['MODAPI_CONFIG_FILE'] || undefined;
  const config = new FileLiveConfig(file, logger('supervisor'));
  const readSecret = createSecretReader(env, file);
  // Without their warnings: the apps log those.
  config.derive((current) => ({ ...buildCatalog(current, { sandbox: true }), warnings: [] }));
  config.derive((current) => buildUpstreams(current, { readSecret }));
  config.assertValid();
}

/** Starts services, then all apps; fails if one of them cannot start at all. */
export async function startCluster({ env, scale, print }: ClusterOptions): Promise<LocalCluster> {
  const dataDirectory = openDataDirectory(env['MODAPI_DATA_DIR'] || '.modapi');
  const undo: (() => Promise<void> | void)[] = [() => dataDirectory.release()];
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).toReversed()) await step();
  };
  const apps: { name: string; child: ChildApp }[] = [];
  try {
    // Once and in one piece, before every app says the same.
    checkConfig(env);
    const httpHost = env['MODAPI_HTTP_HOST'] || '127.0.0.1';
    const httpPort = await claimPort(httpHost, Number(env['MODAPI_HTTP_PORT'] || 8080));
    const services = await startClusterServices(dataDirectory.path, env, print).catch((error: Error) => {
      throw new StartError([error.message]);
    });
    undo.push(() => services.stop());
    const settings: ClusterSettings = {
      ...services,
      ...dataDirectory.secrets,
      blobUrl: pathToFileURL(join(dataDirectory.path, 'blobs')).href,
      sandboxPort: await claimPort('127.0.0.1', 0),
      httpHost,
      httpPort,
      sharesPort: (scale['ingress'] ?? 1) > 1,
    };
    if (settings.sharesPort && process.platform !== 'linux') {
      throw new StartError(['--scale ingress needs Linux: only there the kernel shares a port between processes']);
    }
    for (const name of stopOrder) {
      const count = scale[name] ?? 1;
      for (let index = 1; index <= count; index++) {
        const label = count === 1 ? name : `${name}.${index}`;
        apps.push({ name, child: childApp(name, label, settings, { env, print }) });
      }
    }
    undo.push(() => stopApps(apps));
    await startAll(apps.map(({ child }) => child));
    const shownHost = httpHost === '0.0.0.0' || httpHost === '::' ? '127.0.0.1' : httpHost;
    const baseUrl = `http://${shownHost.includes(':') ? `[${shownHost}]` : shownHost}:${httpPort}/v1`;
    return {
      baseUrl,
      apiKey: dataDirectory.secrets.apiKey,
      writeClientEnv: () => dataDirectory.writeClientEnv(baseUrl),
      reloadConfig: () => {
        for (const { child } of apps) child.signal('SIGHUP');
        return true;
      },
      stop,
      killNow: () => {
        for (const { child } of apps) child.killNow();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function childApp(
  name: string,
  label: string,
  settings: ClusterSettings,
  { env, print }: Pick<ClusterOptions, 'env' | 'print'>,
): ChildApp {
  const drainMs = Number(env['MODAPI_DRAIN_SECONDS'] || 30) * 1_000;
  return new ChildApp({
    label,
    print,
    nodeFlags,
    program: join(projectRoot(), 'dist', 'apps', name, 'src', 'main.js'),
    env: environmentOf(name, settings, env),
    stopTimeoutMs: drainMs + 10_000,
  });
}

/** A few at a time: on a small machine all at once are slower than in turn. */
async function startAll(children: readonly ChildApp[]): Promise<void> {
  const queue = [...children].toReversed();
  const lane = async (): Promise<void> => {
    for (let child = queue.shift(); child; child = queue.shift()) await child.start();
  };
  const lanes = Array.from({ length: Math.max(2, availableParallelism()) }, lane);
  const results = await Promise.allSettled(lanes);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw new StartError([(failed.reason as Error).message]);
}

async function stopApps(apps: readonly { name: string; child: ChildApp }[]): Promise<void> {
  for (const name of stopOrder) {
    await Promise.all(apps.filter((app) => app.name === name).map((app) => app.child.stop()));
  }
}

/** The port, or a free one for 0. Asked for exclusively: processes that share it would not notice a stranger. */
async function claimPort(host: string, port: number): Promise<number> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen({ host, port }, resolve));
  } catch (error) {
    throw new StartError([listenProblem(error as NodeJS.ErrnoException, host, port)]);
  }
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : port;
}
