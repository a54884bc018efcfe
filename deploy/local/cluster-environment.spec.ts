import { describe, expect, it } from '@jest/globals';
import { environmentOf } from './cluster-environment.js';

const settings = {
  natsUrl: 'nats://n',
  redisUrl: 'redis://r',
  databaseUrl: 'postgres://p',
  blobUrl: 'file:///data/blobs',
  sandboxPort: 4000,
  httpHost: '127.0.0.1',
  httpPort: 8080,
  sharesPort: true,
  pepper: 'pepper',
  apiKey: 'key',
  adminKey: 'admin',
};
const own = { PATH: '/bin', GROQ_API_KEY: 'gsk', MODAPI_DATA_DIR: '/data', NATS_URL: 'nats://old', MODAPI_TYPO: '1' };
const of = (app: string): Record<string, string> => environmentOf(app, settings, own);

describe('environmentOf', () => {
  it('gives secrets to the apps that read them, and to no other', () => {
    const secretsOf = (app: string): string[] =>
      Object.keys(of(app))
        .filter((name) => /PEPPER|BOOTSTRAP|DATABASE/.test(name))
        .toSorted();
    expect(secretsOf('ingress')).toEqual(['MODAPI_KEY_PEPPER']);
    expect(secretsOf('text')).toEqual([]);
    expect(secretsOf('sandbox')).toEqual([]);
    expect(secretsOf('billing')).toEqual([
      'DATABASE_URL',
      'MODAPI_BOOTSTRAP_ADMIN_KEY',
      'MODAPI_BOOTSTRAP_API_KEY',
      'MODAPI_KEY_PEPPER',
    ]);
  });

  it('names the store of files, and its credentials, to ingress and image alone', () => {
    const credentials = { BLOB_ACCESS_KEY_ID: 'id', BLOB_SECRET_ACCESS_KEY: 'secret' };
    const blobsOf = (app: string, more = {}): Record<string, string> =>
      Object.fromEntries(
        Object.entries(environmentOf(app, settings, { ...own, ...credentials, ...more })).filter(([name]) =>
          name.startsWith('BLOB_'),
        ),
      );
    for (const app of ['ingress', 'image']) {
      expect(blobsOf(app)).toEqual({ BLOB_URL: 'file:///data/blobs', ...credentials });
      expect(blobsOf(app, { BLOB_URL: 's3://files' })).toMatchObject({ BLOB_URL: 's3://files' });
    }
    for (const app of ['text', 'embedding', 'audio', 'billing', 'sandbox']) expect(blobsOf(app)).toEqual({});
  });

  it("passes the operator's variables on, ours on top", () => {
    expect(of('text')).toMatchObject({ PATH: '/bin', GROQ_API_KEY: 'gsk', NATS_URL: 'nats://n' });
    expect(of('text')['MODAPI_DATA_DIR']).toBeUndefined();
  });

  it('leaves a misspelt name in, for the app to refuse', () => {
    expect(of('text')['MODAPI_TYPO']).toBe('1');
  });
});
