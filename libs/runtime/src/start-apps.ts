import { type Bus, BusStrategy, createInProcessBus } from '#libs/messaging';
import { type Logger, logger as createLogger, startTelemetry, stopTelemetry } from '#libs/telemetry';
import type { AppDefinition, RunningApps } from './app-definition.js';
import { connectBus } from './connect-bus.js';
import { type Environment, type ParsedEnvironment, parseEnvironment } from './environment.js';
import { FileLiveConfig } from './file-live-config.js';
import { startHealthServer } from './health-server.js';
import { type BoundDoor, createBusApplication } from './nest-application.js';
import { createSecretReader } from './read-secret.js';
import { RuntimeModule, type RuntimeParts } from './runtime.module.js';
import { StartError } from './start-error.js';
import { stopOrderly } from './stop-orderly.js';

/** What `startApps` takes from outside: environment, bus and name. */
export interface StartOptions {
  /** `process.env` of the main module, or a part of it. */
  readonly env: Environment;
  /** Given by the standalone and by tests; connects to NATS_URL when absent. */
  readonly bus?: (logger: Logger) => Bus;
  /** `service.name`, queue group and name in the log; the app's, or `standalone` for several. */
  readonly name?: string;
}

/** Starts apps in this process as one Nest application; a `StartError` lists everything that is wrong. */
export async function startApps(definitions: readonly AppDefinition[], options: StartOptions): Promise<RunningApps> {
  const environment = parseEnvironment(definitions, options.env);
  const { runtime } = environment;
  const name = options.name ?? (definitions.length === 1 ? (definitions[0]?.name ?? 'modapi') : 'standalone');
  const logger = createLogger(name, runtime.LOG_LEVEL);
  const liveConfig = new FileLiveConfig(runtime.MODAPI_CONFIG_FILE, logger);
  const readSecret = createSecretReader(options.env, runtime.MODAPI_CONFIG_FILE);
  await startTelemetry(name, runtime.OTEL_EXPORTER_OTLP_ENDPOINT, runtime.OTEL_RESOURCE_ATTRIBUTES);
  const bus = options.bus?.(logger) ?? (await ownBus(definitions, runtime.NATS_URL, name, logger));
  try {
    return await assemble(definitions, environment, { bus, liveConfig, logger, readSecret }, name);
  } catch (error) {
    // What was started must not keep the process alive.
    liveConfig.close();
    await Promise.allSettled([bus.drain(0), stopTelemetry()]);
    throw error;
  }
}

/** An app that neither calls nor serves does not need NATS. */
async function ownBus(
  definitions: readonly AppDefinition[],
  servers: string | undefined,
  name: string,
  logger: Logger,
): Promise<Bus> {
  if (definitions.every((definition) => definition.usesBus === false)) return createInProcessBus({ logger });
  return connectBus(servers, name, logger);
}

async function assemble(
  definitions: readonly AppDefinition[],
  environment: ParsedEnvironment,
  parts: RuntimeParts & { liveConfig: FileLiveConfig },
  name: string,
): Promise<RunningApps> {
  const { bus, liveConfig, logger } = parts;
  const { runtime } = environment;
  const modules = definitions.map((definition, index) => definition.module(environment.apps[index]));
  const door = findDoor(definitions, environment);
  const strategy = new BusStrategy(bus, name, logger);
  const application = await createBusApplication(RuntimeModule.with(parts, modules), strategy, door, logger);
  try {
    liveConfig.assertValid();
    await application.init();
    liveConfig.assertValid();
    refuseMissingHandlers(definitions, new Set(strategy.getHandlers().keys()));
    const url = await application.serve();
    const healthPort = door ? undefined : runtime.MODAPI_HEALTH_PORT;
    const health =
      healthPort === undefined ? undefined : await startHealthServer(runtime.MODAPI_HEALTH_HOST, healthPort, bus);
    liveConfig.watch();
    const drainMs = runtime.MODAPI_DRAIN_SECONDS * 1_000;
    const running = { application, door, bus, health, liveConfig, logger, drainMs };
    let stopping: Promise<void> | undefined;
    return {
      url,
      logger,
      stop: () => (stopping ??= stopOrderly(running)),
      reloadConfig: () => liveConfig.reload(),
    };
  } catch (error) {
    await application.close().catch(() => undefined); // the first error is the one to tell
    throw error;
  }
}

function findDoor(definitions: readonly AppDefinition[], environment: ParsedEnvironment): BoundDoor | undefined {
  const withDoor = definitions.filter((definition) => definition.http !== undefined);
  if (withDoor.length > 1) {
    throw new StartError([
      `only one app of a process may have an HTTP door: ${withDoor.map((app) => app.name).join()}`,
    ]);
  }
  const index = definitions.findIndex((definition) => definition.http !== undefined);
  const door = definitions[index]?.http;
  return door && { door, env: environment.apps[index], reusePort: environment.runtime.MODAPI_HTTP_REUSE_PORT };
}

function refuseMissingHandlers(definitions: readonly AppDefinition[], served: ReadonlySet<string>): void {
  const problems = definitions.flatMap((definition) =>
    (definition.serves ?? [])
      .filter((subject) => !served.has(subject))
      .map((subject) => `${definition.name}: no handler serves ${subject}: mark a method with @Serves('${subject}')`),
  );
  if (problems.length > 0) throw new StartError(problems);
}
