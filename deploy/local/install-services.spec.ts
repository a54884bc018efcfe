import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { findServices } from './install-services.js';

const dir = mkdtempSync(join(tmpdir(), 'modapi-install-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function program(name: string, exitCode: number): string {
  const path = join(dir, name);
  writeFileSync(path, `#!/bin/sh\nexit ${exitCode}\n`);
  chmodSync(path, 0o755);
  return path;
}

const nowhere = { systemDirectories: [], cacheDirectory: join(dir, 'cache'), mayInstall: false };

describe('findServices', () => {
  it('takes the override before the PATH', async () => {
    const nats = program('my-nats', 0);
    program('nats-server', 0);
    const options = { ...nowhere, env: { NATS_SERVER: nats, PATH: dir } };
    await expect(findServices(['nats'], options)).resolves.toEqual({ nats });
  });

  it('refuses an override that does not start', async () => {
    const options = { ...nowhere, env: { REDIS_SERVER: program('broken', 1) } };
    await expect(findServices(['redis'], options)).rejects.toThrow(/^REDIS_SERVER=.* does not start$/);
  });

  it('passes over a program on the PATH that does not start', async () => {
    program('redis-server', 1);
    await expect(findServices(['redis'], { ...nowhere, env: { PATH: dir } })).rejects.toThrow('redis-server not found');
  });

  it('says exactly what to install', async () => {
    const problem = findServices(['nats', 'redis'], { ...nowhere, env: {} });
    await expect(problem).rejects.toThrow('sudo apt-get install nats-server redis-server');
    await expect(problem).rejects.toThrow('brew install nats-server redis');
    await expect(problem).rejects.toThrow('set NATS_URL and REDIS_URL');
  });
});
