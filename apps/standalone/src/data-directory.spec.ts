import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { parseApiKey } from '#libs/contracts';
import { openDataDirectory } from './data-directory.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'modapi-data-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));
const modeOf = (name: string): string => (statSync(join(dir, name)).mode & 0o777).toString(8);

describe('openDataDirectory', () => {
  it('makes keys on first start, private ones, and keeps them', () => {
    const first = openDataDirectory(dir);
    expect(parseApiKey(first.secrets.apiKey)?.scope).toBe('inference');
    expect(parseApiKey(first.secrets.adminKey)?.scope).toBe('admin');
    expect(modeOf('keys.json')).toBe('600');
    first.release();
    const second = openDataDirectory(dir);
    expect(second.secrets).toEqual(first.secrets);
    second.release();
  });

  it('writes client.env for its owner only, and removes it at the next start', () => {
    const data = openDataDirectory(dir);
    data.writeClientEnv('http://127.0.0.1:8080/v1');
    expect(modeOf('client.env')).toBe('600');
    expect(readFileSync(join(dir, 'client.env'), 'utf8').split('\n')).toEqual([
      'OPENAI_BASE_URL=http://127.0.0.1:8080/v1',
      `OPENAI_API_KEY=${data.secrets.apiKey}`,
      `OPENAI_ADMIN_KEY=${data.secrets.adminKey}`,
      '',
    ]);
    data.release();
    const next = openDataDirectory(dir);
    expect(existsSync(join(dir, 'client.env'))).toBe(false);
    next.release();
  });

  it('refuses a folder that this very process holds', () => {
    const data = openDataDirectory(dir);
    expect(() => openDataDirectory(dir)).toThrow(`in use by another ModAPI (pid ${process.pid})`);
    data.release();
  });

  it('takes over the lock of a process that was killed', async () => {
    const other: ChildProcess = spawn('sleep', ['60']);
    await once(other, 'spawn');
    const data = openDataDirectory(dir);
    const mine = readFileSync(join(dir, 'lock'), 'utf8');
    data.release();
    const stat = readFileSync(`/proc/${other.pid}/stat`, 'utf8');
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    writeFileSync(join(dir, 'lock'), `${other.pid} ${mine.split(' ')[1]} ${ticks}`);
    expect(() => openDataDirectory(dir)).toThrow(`(pid ${other.pid})`);
    other.kill('SIGKILL');
    await once(other, 'exit');
    openDataDirectory(dir).release();
  });

  it('takes over a lock whose pid now belongs to a stranger', () => {
    writeFileSync(join(dir, 'lock'), `${process.ppid} another-boot 1`);
    openDataDirectory(dir).release();
  });

  it('does not replace damaged keys behind the back of their owner', () => {
    openDataDirectory(dir).release();
    writeFileSync(join(dir, 'keys.json'), '{}');
    expect(() => openDataDirectory(dir)).toThrow('keys.json is damaged');
    rmSync(join(dir, 'keys.json'));
    openDataDirectory(dir).release();
  });
});
