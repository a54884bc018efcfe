import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { createDataSource } from '../data-source.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../embedded-postgres.js';
import { migrate } from '../migrate.js';

let dir: string;
let postgres: EmbeddedPostgres;
let database: DataSource;
let count = 0;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'modapi-rollups-'));
  postgres = await startEmbeddedPostgres(join(dir, 'postgres'), { durable: false });
  await migrate(postgres.url);
  database = await createDataSource(postgres.url, { applicationName: 'spec' }).initialize();
}, 30_000);

afterAll(async () => {
  await database?.destroy();
  await postgres?.stop();
  await rm(dir, { recursive: true, force: true });
});

/** Records of ten nano-dollars each, of the same minute and model. */
async function record(...usages: { further?: object; measured?: object }[]): Promise<void> {
  for (const { further = null, measured = null } of usages) {
    await database.query(
      `insert into usage_records (attempt_id, request_id, organization_id, project_id, key_id, witness, endpoint, model,
         provider, upstream_model, outcome, content_delivered, usage_source, input_tokens, input_cached_tokens,
         output_tokens, reasoning_tokens, price, charge_nanos, started_at, finished_at, further_usage, measured_usage)
       values ('r' || $1::int, 'r' || $1::int, 'org_1', 'p', 'k', 'worker', 'images.generations', 'm', 'x', 'y', 'done', true,
         'provider', 3, 0, 1, 0, '{}', 10, '2026-01-05', '2026-01-05', $2, $3)`,
      [++count, further, measured],
    );
  }
}

const rolledUp = (columns: string) =>
  database.query<object[]>(`select ${columns} from usage_rollups where grain = 'day' order by 1, 2`);
const rollUp = () => database.query('select roll_up_usage(1000)');

describe('roll-ups of every unit', () => {
  it('add up what is charged and what is measured, by size of images', async () => {
    await record(
      { further: { 'images:1024x1024/high': 2, input_image: 5 } },
      { further: { output_image: 7 }, measured: { 'images:1024x1024/low': 1, pixels: 1_048_576 } },
      { further: { 'images:2K': 4 }, measured: { input: 6 } },
      { further: { 'images:hd': 1, images: 1 } },
      {},
    );
    await rollUp();
    const columns = `image_size, requests::int, images::int, pixels::int, input_tokens::int, input_image_tokens::int,
      output_image_tokens::int, seconds::int`;
    const none = { pixels: 0, input_image_tokens: 0, output_image_tokens: 0, seconds: 0 };
    expect(await rolledUp(columns)).toEqual([
      { ...none, image_size: '', requests: 2, images: 2, input_tokens: 6 },
      {
        ...{ image_size: '1024x1024', requests: 2, images: 3, pixels: 1_048_576, input_tokens: 6 },
        ...{ input_image_tokens: 5, output_image_tokens: 7, seconds: 0 },
      },
      { ...none, image_size: '2K', requests: 1, images: 4, input_tokens: 9 },
    ]);
  });

  it('can be undone, without a record or a nano-dollar lost, and done again', async () => {
    const later = `select from migrations where name in ('EveryUnitRollups1767312360001', 'EveryUnit1767312360000')`;
    while ((await database.query<unknown[]>(later)).length > 0) await database.undoLastMigration();
    expect(await rolledUp(`requests::int, input_tokens::int, charge_nanos::int`)).toEqual([
      // Of 6 measured tokens the old columns keep the sum.
      { requests: 5, input_tokens: 21, charge_nanos: 50 },
    ]);
    await migrate(postgres.url);
    await record({ further: { 'images:2K': 1 } });
    await rollUp();
    expect(await rolledUp(`image_size, requests::int, images::int, charge_nanos::int`)).toEqual([
      { image_size: '', requests: 5, images: 0, charge_nanos: 50 },
      { image_size: '2K', requests: 1, images: 1, charge_nanos: 10 },
    ]);
  });
});
