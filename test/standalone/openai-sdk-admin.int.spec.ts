import { afterAll, beforeAll } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { type GatewayProcess, startGateway } from '../support/gateway-process.js';
import { describeOpenAiAdminSdk } from '../support/openai-sdk-admin.conformance.js';

let gateway: GatewayProcess;
let database: pg.Pool;

beforeAll(async () => {
  gateway = await startGateway();
  const folder = join(gateway.dataDir, 'postgres');
  const [, , , port = ''] = readFileSync(join(folder, 'data/postmaster.pid'), 'utf8').split('\n');
  const password = readFileSync(join(folder, 'password'), 'utf8').trim();
  database = new pg.Pool({ host: '127.0.0.1', port: Number(port), user: 'postgres', password, database: 'modapi' });
}, 180_000);

afterAll(async () => {
  await database?.end();
  await gateway?.stop();
}, 60_000);

async function chargedNanos(projectId: string): Promise<bigint> {
  const text = 'select coalesce(sum(charge_nanos), 0)::text as sum from usage_records where project_id = $1';
  const { rows } = await database.query<{ sum: string }>(text, [projectId]);
  return BigInt(rows[0]!.sum);
}

describeOpenAiAdminSdk('the standalone', () => ({
  baseUrl: gateway.baseUrl,
  apiKey: gateway.apiKey,
  adminKey: gateway.adminKey,
  chargedNanos,
}));
