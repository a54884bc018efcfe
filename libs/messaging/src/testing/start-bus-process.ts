import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const hooks = new URL('./run-typescript.mjs', import.meta.url);
const program = new URL('./bus-process.ts', import.meta.url);

/** Starts `bus-process.ts` and waits until it serves, calls, or sends a large body. */
export async function startBusProcess(
  role: 'serve' | 'call' | 'send',
  server: string,
  subject: string,
): Promise<ChildProcess> {
  const parameters = ['--conditions=modapi-src', '--import', hooks.href, fileURLToPath(program), role, server, subject];
  const child = spawn(process.execPath, parameters, { stdio: ['ignore', 'pipe', 'inherit'], env: {} });
  const ended = once(child, 'exit').then(() => {
    throw new Error('the process ended before it was ready');
  });
  await Promise.race([once(child.stdout, 'data'), ended]);
  ended.catch(() => {}); // from now on its end is what the spec is about
  return child;
}
