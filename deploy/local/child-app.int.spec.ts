import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { ChildApp } from './child-app.js';

const dir = mkdtempSync(join(tmpdir(), 'modapi-child-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
let lines: string[] = [];
let child: ChildApp | undefined;
afterEach(() => {
  child?.killNow();
  lines = [];
});

function childOf(source: string, stopTimeoutMs = 5_000): ChildApp {
  const program = join(dir, 'program.mjs');
  writeFileSync(program, source);
  const env = { MARK: join(dir, 'mark') };
  child = new ChildApp({
    label: 'text.1',
    program,
    nodeFlags: [],
    env,
    stopTimeoutMs,
    print: (text) => lines.push(...text.split('\n')),
  });
  return child;
}

async function until(condition: () => boolean): Promise<void> {
  for (let waitedMs = 0; !condition(); waitedMs += 10) {
    if (waitedMs > 5_000) throw new Error(`it never happened: ${lines.join('\n')}`);
    await sleep(10);
  }
}

const serving = `process.send('ready'); setInterval(() => {}, 1000);`;

describe('ChildApp', () => {
  it('is started when its program says so, and puts a name before each line', async () => {
    await childOf(`console.log('one\\ntwo'); console.error('three'); ${serving}`).start();
    await until(() => lines.length === 3);
    expect(lines.toSorted()).toEqual(['text.1 | one', 'text.1 | three', 'text.1 | two']);
  });

  it('gives up on a program that cannot start', async () => {
    await expect(childOf('process.exit(3)').start()).rejects.toThrow('text.1 did not start (exit code 3)');
  });

  it('starts a killed program again, with a longer wait each time', async () => {
    const source = `import { appendFileSync } from 'node:fs'; appendFileSync(process.env.MARK, process.pid + '\\n'); ${serving}`;
    await childOf(source).start();
    const pids = (): number[] => readFileSync(join(dir, 'mark'), 'utf8').trim().split('\n').map(Number);
    process.kill(pids()[0] ?? 0, 'SIGKILL');
    await until(() => lines.at(-1) === 'text.1 | back');
    process.kill(pids()[1] ?? 0, 'SIGKILL');
    await until(() => lines.length === 4);
    expect(lines).toEqual([
      'text.1 | ended (SIGKILL); starting it again in 100 ms',
      'text.1 | back',
      'text.1 | ended (SIGKILL); starting it again in 200 ms',
      'text.1 | back',
    ]);
  });

  it('lets it finish on a stop, and does not start it again', async () => {
    const running = childOf(
      `process.on('SIGTERM', () => setTimeout(() => { console.log('drained'); process.exit(0); }, 50)); ${serving}`,
    );
    await running.start();
    await running.stop();
    await sleep(200);
    expect(lines).toEqual(['text.1 | drained']);
  });

  it('kills it when it does not stop in time', async () => {
    const running = childOf(`process.on('SIGTERM', () => {}); ${serving}`, 100);
    await running.start();
    await running.stop();
    expect(lines).toEqual([]);
  });
});
