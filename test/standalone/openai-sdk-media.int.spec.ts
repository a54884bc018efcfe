import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { chargedNanos, databaseOf, mediaSecretOf } from '../support/data-folder.js';
import { cleanEnvironment, type GatewayProcess, startGateway } from '../support/gateway-process.js';
import { pictureOf, soundOf } from '../support/media-files.js';
import { describeMediaMoney } from '../support/media-money.conformance.js';
import { describeOpenAiMediaSdk } from '../support/openai-sdk-media.conformance.js';

let gateway: GatewayProcess;
let database: pg.Pool;

beforeAll(async () => {
  gateway = await startGateway();
  database = databaseOf(gateway.dataDir);
}, 180_000);

afterAll(async () => {
  await database?.end();
  await gateway?.stop();
}, 60_000);

describeOpenAiMediaSdk('the standalone', () => ({
  baseUrl: gateway.baseUrl,
  apiKey: gateway.apiKey,
  mediaSecret: () => mediaSecretOf(gateway.dataDir),
}));

describeMediaMoney('the standalone', () => ({
  baseUrl: gateway.baseUrl,
  apiKey: gateway.apiKey,
  adminKey: gateway.adminKey,
  chargedNanos: (projectId) => chargedNanos(database, projectId),
}));

describe('docs/examples/media.mjs', () => {
  it('runs as it says, and every file that it writes plays or opens', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'modapi-example-'));
    try {
      const { stdout } = await promisify(execFile)(process.execPath, ['docs/examples/media.mjs', folder], {
        cwd: join(import.meta.dirname, '..', '..'),
        env: cleanEnvironment({ OPENAI_BASE_URL: gateway.baseUrl, OPENAI_API_KEY: gateway.apiKey }),
      });
      expect(stdout).toMatch(/The river is wide\. Who will cross it\? Nobody will\./);
      const files = readdirSync(folder);
      const read = (name: string) => readFileSync(join(folder, name));
      const sounds = files.filter((name) => name.startsWith('speech'));
      expect(sounds).toHaveLength(7);
      for (const name of sounds) {
        const { seconds } = await soundOf(read(name), name.slice(name.lastIndexOf('.') + 1));
        expect(Math.abs(seconds - 4)).toBeLessThan(0.06);
      }
      const pictures = files.filter((name) => /^(harbour|edited|varied)/.test(name));
      expect(pictures).toHaveLength(11);
      for (const name of pictures) {
        const { format, width } = await pictureOf(read(name));
        expect([name.endsWith(format), width]).toEqual([true, name.startsWith('varied') ? 512 : 1_024]);
      }
      expect(files.filter((name) => name.startsWith('transcript'))).toHaveLength(5);
      expect(stdout.split('\n').filter((line) => line.includes(folder)).length).toBe(files.length + 1);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }, 60_000);
});
