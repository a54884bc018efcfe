import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { cleanEnvironment } from '../support/gateway-process.js';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..', '..');
/** Together about two minutes of faults. */
const minutesPerSeed = '0.67';
/** `smoke`: of every test run. `found`: seeds that once failed. */
const seeds = JSON.parse(readFileSync(join(import.meta.dirname, 'seeds.json'), 'utf8')) as {
  smoke: number[];
  found: number[];
};

describe('npm run faults', () => {
  it.each([...seeds.smoke, ...seeds.found])(
    'loses no call and charges none twice, with seed %d',
    async (seed) => {
      const script = ['test/faults/run.mjs', '--minutes', minutesPerSeed, '--seed', String(seed)];
      const { stdout } = await run(process.execPath, script, {
        cwd: root,
        env: cleanEnvironment(),
        timeout: 400_000,
      }).catch((error: { stdout?: string; stderr?: string }) => {
        throw new Error(`${error.stdout ?? ''}\n${error.stderr ?? ''}`);
      });
      expect(stdout).toContain(`0 lost, 0 double, every invariant holds (seed ${seed})`);
      const calls = Number(/own log\) \| (\d+)/.exec(stdout)?.[1]);
      const kills = Number(/of which (\d+) kills/.exec(stdout)?.[1]);
      // A run without calls or without kills proves nothing.
      expect(calls).toBeGreaterThan(100);
      expect(kills).toBeGreaterThan(0);
    },
    420_000,
  );
});
