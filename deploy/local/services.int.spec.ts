import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { startNats, startPostgres, startRedis } from './services.js';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'modapi-services-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

describe('local services', () => {
  it('starts and stops NATS, twice on the same folder', async () => {
    for (let round = 0; round < 2; round++) {
      const nats = await startNats({ dir: join(dir, 'nats') });
      expect(nats.url).toMatch(/^nats:\/\/127\.0\.0\.1:\d+$/);
      await nats.stop();
      await expect(nats.exited).resolves.toBeDefined();
    }
  });

  it('names the log of a server that does not start', async () => {
    const first = await startRedis({ dir: join(dir, 'redis') });
    const port = Number(new URL(first.url).port);
    await expect(startRedis({ dir: join(dir, 'redis-2'), port })).rejects.toThrow(/redis did not start.*in use/is);
    await first.stop();
  });

  it('keeps data over an orderly stop and over kill -9', async () => {
    const at = { dir: join(dir, 'postgres'), durable: true };
    const first = await startPostgres(at);
    await query(first.url, 'create table kept (n int)');
    await query(first.url, 'insert into kept values (1)');
    await first.stop();
    const second = await startPostgres(at);
    await query(second.url, 'insert into kept values (2)');
    second.kill('SIGKILL');
    await second.exited;
    const third = await startPostgres(at);
    expect(await query(third.url, 'select n from kept order by n')).toEqual([{ n: 1 }, { n: 2 }]);
    await third.stop();
  });

  it('asks for the password and keeps it private', async () => {
    const postgres = await startPostgres({ dir: join(dir, 'private') });
    const stranger = new URL(postgres.url);
    stranger.password = 'wrong';
    await expect(query(stranger.href, 'select 1')).rejects.toThrow(/password authentication failed/);
    const mode = (await stat(join(dir, 'private', 'password'))).mode & 0o777;
    expect(mode.toString(8)).toBe('600');
    await postgres.stop();
  });

  it('refuses a folder that a live server uses', async () => {
    const postgres = await startPostgres({ dir: join(dir, 'live') });
    await expect(startPostgres({ dir: join(dir, 'live') })).rejects.toThrow(
      `in use by the Postgres server with pid ${postgres.pid}`,
    );
    await postgres.stop();
  }, 20_000);
});
