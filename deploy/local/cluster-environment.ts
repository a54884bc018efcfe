import { mediaSecretFrom } from '#libs/contracts';
import { environmentTable } from '#libs/runtime';

/** What the apps of a local cluster need to find each other. */
export interface ClusterSettings {
  readonly natsUrl: string;
  readonly redisUrl: string;
  readonly databaseUrl: string;
  /** Where files are kept, unless the operator says it. */
  readonly blobUrl: string;
  readonly sandboxPort: number;
  readonly httpHost: string;
  readonly httpPort: number;
  readonly sharesPort: boolean;
  readonly pepper: string;
  readonly apiKey: string;
  readonly adminKey: string;
}

type Variables = Readonly<Record<string, string | undefined>>;

/** Read by few, and some of it secret. */
const readers: Readonly<Record<string, readonly string[]>> = {
  DATABASE_URL: ['billing'],
  BLOB_URL: ['ingress', 'image'],
  BLOB_ACCESS_KEY_ID: ['ingress', 'image'],
  BLOB_SECRET_ACCESS_KEY: ['ingress', 'image'],
};

/** The environment of one app: the operator's own, and of ours just what that app reads. */
export function environmentOf(app: string, settings: ClusterSettings, own: Variables): Record<string, string> {
  const ours: Record<string, string> = {
    NATS_URL: settings.natsUrl,
    REDIS_URL: settings.redisUrl,
    DATABASE_URL: settings.databaseUrl,
    BLOB_URL: own['BLOB_URL'] || settings.blobUrl,
    MODAPI_HTTP_HOST: settings.httpHost,
    MODAPI_HTTP_PORT: String(settings.httpPort),
    MODAPI_HTTP_REUSE_PORT: String(settings.sharesPort),
    MODAPI_KEY_PEPPER: settings.pepper,
    MODAPI_MEDIA_SECRET: mediaSecretFrom(settings.pepper),
    MODAPI_BOOTSTRAP_API_KEY: settings.apiKey,
    MODAPI_BOOTSTRAP_ADMIN_KEY: settings.adminKey,
    MODAPI_SANDBOX_URL: `http://127.0.0.1:${settings.sandboxPort}`,
    MODAPI_SANDBOX_HOST: '127.0.0.1',
    MODAPI_SANDBOX_PORT: String(settings.sandboxPort),
  };
  const named = new Map([...Object.entries(readers), ...environmentTable.map((row) => [row.name, row.apps] as const)]);
  const entries = Object.entries({ ...own, ...ours }).filter((entry): entry is [string, string] => {
    const [name, value] = entry;
    if (value === undefined) return false;
    // A name that the table does not have goes along: the app refuses it and says what was meant.
    return named.get(name)?.includes(app) ?? true;
  });
  return Object.fromEntries(entries);
}
