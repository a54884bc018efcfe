import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';
import pg from 'pg';
import { type RunningService, startPostgres } from '../../deploy/local/services.js';
import { chargedNanos, mediaSecretOf } from '../support/data-folder.js';
import { type GatewayProcess, startGateway } from '../support/gateway-process.js';
import { describeMediaMoney } from '../support/media-money.conformance.js';
import { describeOpenAiMediaSdk } from '../support/openai-sdk-media.conformance.js';

let folder: string;
let postgres: RunningService;
let gateway: GatewayProcess;
let database: pg.Pool;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'modapi-media-'));
  postgres = await startPostgres({ dir: join(folder, 'postgres') });
  gateway = await startGateway({ arguments: ['--cluster'], env: { DATABASE_URL: postgres.url } });
  database = new pg.Pool({ connectionString: postgres.url, max: 2 });
}, 180_000);

afterAll(async () => {
  await database?.end();
  await gateway?.stop();
  await postgres?.stop();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

describeOpenAiMediaSdk('the cluster', () => ({
  baseUrl: gateway.baseUrl,
  apiKey: gateway.apiKey,
  mediaSecret: () => mediaSecretOf(gateway.dataDir),
}));

describeMediaMoney('the cluster', () => ({
  baseUrl: gateway.baseUrl,
  apiKey: gateway.apiKey,
  adminKey: gateway.adminKey,
  chargedNanos: (projectId) => chargedNanos(database, projectId),
}));
