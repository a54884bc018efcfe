import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DataSource } from 'typeorm';
import { createDataSource, migrate, startEmbeddedPostgres } from '#libs/persistence';

/** A database of a spec's own. */
export interface UsageDatabase {
  readonly dataSource: DataSource;
  close(): Promise<void>;
}

export async function openUsageDatabase(): Promise<UsageDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'modapi-reports-'));
  const postgres = await startEmbeddedPostgres(join(folder, 'postgres'), { durable: false });
  await migrate(postgres.url);
  const dataSource = createDataSource(postgres.url, { applicationName: 'spec', poolSize: 12 });
  await dataSource.initialize();
  return {
    dataSource,
    close: async () => {
      await dataSource.destroy();
      await postgres.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** What a spec says about a record; the rest is plain. */
export interface UsageOfSpec {
  readonly organizationId?: string;
  readonly projectId?: string;
  readonly keyId?: string;
  readonly endpoint?: string;
  readonly model?: string;
  readonly input?: number;
  readonly cached?: number;
  readonly output?: number;
  readonly reasoning?: number;
  readonly charge?: number;
  readonly delivered?: boolean;
  readonly finishedAt: Date;
}

interface Queryable {
  query(sql: string, values: unknown[]): Promise<unknown>;
}

const columns = `attempt_id, request_id, organization_id, project_id, key_id, witness, endpoint, model, provider, upstream_model,
  outcome, content_delivered, usage_source, input_tokens, input_cached_tokens, output_tokens, reasoning_tokens, price,
  charge_nanos, started_at, finished_at`;
let last = 0;

/** As one statement, in the transaction of `database` if it has one. */
export async function insertUsage(database: Queryable, usages: readonly UsageOfSpec[]): Promise<void> {
  const rows = usages.map((usage) => {
    const requestId = `req_${++last}`;
    return {
      attempt_id: `${requestId}#1`,
      request_id: requestId,
      organization_id: usage.organizationId ?? 'org_1',
      project_id: usage.projectId ?? 'proj_1',
      key_id: usage.keyId ?? 'key_1',
      witness: 'worker',
      endpoint: usage.endpoint ?? 'chat.completions',
      model: usage.model ?? 'm/one',
      provider: 'm',
      upstream_model: 'one',
      outcome: 'done',
      content_delivered: usage.delivered ?? true,
      usage_source: 'provider',
      input_tokens: usage.input ?? 10,
      input_cached_tokens: usage.cached ?? 0,
      output_tokens: usage.output ?? 5,
      reasoning_tokens: usage.reasoning ?? 0,
      price: {},
      charge_nanos: usage.charge ?? 7,
      started_at: usage.finishedAt,
      finished_at: usage.finishedAt,
    };
  });
  await database.query(
    `insert into usage_records (${columns}) select ${columns} from json_populate_recordset(null::usage_records, $1::json)`,
    [JSON.stringify(rows)],
  );
}
