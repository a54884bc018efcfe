import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { mediaSecretFrom } from '#libs/contracts';

/** What the gateway of a data folder signs its links with. */
export function mediaSecretOf(dataDir: string): string {
  const { pepper } = JSON.parse(readFileSync(join(dataDir, 'keys.json'), 'utf8')) as { pepper: string };
  return mediaSecretFrom(pepper);
}

/** The database that the standalone gateway runs in its data folder. */
export function databaseOf(dataDir: string): pg.Pool {
  const folder = join(dataDir, 'postgres');
  const [, , , port = ''] = readFileSync(join(folder, 'data/postmaster.pid'), 'utf8').split('\n');
  const password = readFileSync(join(folder, 'password'), 'utf8').trim();
  return new pg.Pool({ host: '127.0.0.1', port: Number(port), user: 'postgres', password, database: 'modapi' });
}

/** What all charges of one project add up to, in nano-dollars. */
export async function chargedNanos(database: pg.Pool, projectId: string): Promise<bigint> {
  const text = 'select coalesce(sum(charge_nanos), 0)::text as sum from usage_records where project_id = $1';
  const { rows } = await database.query<{ sum: string }>(text, [projectId]);
  return BigInt(rows[0]?.sum ?? '-1');
}
