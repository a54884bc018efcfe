import type { AppDefinition, RunningApps } from './app-definition.js';
import type { Environment } from './environment.js';
import { StartError } from './start-error.js';
import { startApps } from './start-apps.js';

// npm passes a Ctrl-C on to a child that the terminal has told already: two signals, one wish.
const sameWishMs = 1_000;
const crashDrainMs = 5_000;

/** How a process ends: on signals, and after an error that nobody caught. */
export interface Stoppable {
  stop(): Promise<void>;
  /** On SIGHUP. */
  reloadConfig?(): boolean;
  /** An error that nobody caught. */
  crashed?(error: Error): void;
}

/** The whole of an app's `main.ts`: `await runMain(textApp, process.env)`. */
export async function runMain(definition: AppDefinition, env: Environment): Promise<RunningApps> {
  const running = await orExit(definition.name, () => startApps([definition], { env }));
  const { logger } = running;
  logger.info({ ...(running.url !== undefined && { port: Number(new URL(running.url).port) }) }, 'ready');
  stopOnSignals({
    stop: () => running.stop(),
    reloadConfig: () => running.reloadConfig(),
    crashed: (error) => logger.error({ error }, 'an error that nobody caught; stopping'),
  });
  process.send?.('ready'); // to the local supervisor, if there is one
  return running;
}

/** A `StartError` becomes clear lines on standard error and exit code 1, without a stack. */
export async function orExit<T>(name: string, start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    const lines = error.problems.length === 1 ? error.problems : ['cannot start:', ...error.problems.map(bullet)];
    process.stderr.write(`${name}: ${lines.join('\n')}\n`, () => process.exit(1));
    return new Promise(() => undefined); // the exit follows as soon as the lines are out
  }
}

const bullet = (problem: string): string => `  - ${problem}`;

/** SIGINT and SIGTERM stop orderly, a second one at once; SIGHUP reloads; an uncaught error stops within 5 s, exit code 1. */
export function stopOnSignals(main: Stoppable): void {
  let firstAt: number | undefined;
  const stop = (exitCode: number): void => {
    firstAt = performance.now();
    main.stop().then(
      () => process.exit(exitCode),
      () => process.exit(1),
    );
  };
  const onSignal = (): void => {
    if (firstAt === undefined) stop(0);
    else if (performance.now() - firstAt > sameWishMs) process.exit(1);
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  // At a terminal SIGHUP means that the window was closed.
  if (process.stdin.isTTY) process.on('SIGHUP', onSignal);
  else process.on('SIGHUP', () => void main.reloadConfig?.());
  // The local supervisor or the bootstrap is gone: an orphan would serve on unseen.
  process.on('disconnect', () => firstAt === undefined && stop(0));
  const onCrash = (error: unknown): void => {
    main.crashed?.(error instanceof Error ? error : new Error(String(error)));
    if (firstAt !== undefined) return;
    setTimeout(() => process.exit(1), crashDrainMs);
    stop(1);
  };
  process.on('uncaughtException', onCrash);
  process.on('unhandledRejection', onCrash);
}
