import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { generateApiKey } from '#libs/contracts';
import { StartError } from '#libs/runtime';
import { takeLock } from './data-directory-lock.js';

const secretsSchema = z.object({ pepper: z.string().min(32), apiKey: z.string(), adminKey: z.string() });

/** Made on first start; whoever has them has the gateway. */
export type Secrets = z.infer<typeof secretsSchema>;

/** The folder that outlives the process: database, keys, logs. */
export interface DataDirectory {
  readonly path: string;
  readonly secrets: Secrets;
  /** Writes `client.env`, readable by the owner only; gone again until the next start is ready. */
  writeClientEnv(baseUrl: string): string;
  /** Lets the next instance in. */
  release(): void;
}

/** Opens the folder for this process alone; another instance in it is a `StartError`. */
export function openDataDirectory(given: string): DataDirectory {
  const path = resolve(given);
  try {
    // 711: when root's Postgres must run as another user, it has to pass through.
    mkdirSync(path, { recursive: true, mode: 0o711 });
  } catch (error) {
    throw new StartError([`cannot make the data folder ${path} (${(error as NodeJS.ErrnoException).code})`]);
  }
  const release = takeLock(path);
  try {
    const clientEnv = join(path, 'client.env');
    rmSync(clientEnv, { force: true }); // of an earlier start: its port may be another's by now
    const secrets = loadSecrets(join(path, 'keys.json'));
    return {
      path,
      secrets,
      writeClientEnv(baseUrl) {
        const lines = [
          `OPENAI_BASE_URL=${baseUrl}`,
          `OPENAI_API_KEY=${secrets.apiKey}`,
          `OPENAI_ADMIN_KEY=${secrets.adminKey}`,
        ];
        writePrivate(clientEnv, `${lines.join('\n')}\n`);
        return clientEnv;
      },
      release,
    };
  } catch (error) {
    release();
    throw error;
  }
}

function loadSecrets(file: string): Secrets {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT') throw new StartError([`cannot read ${file} (${code})`]);
    return makeSecrets(file);
  }
  const result = secretsSchema.safeParse(parseJson(text));
  if (result.success) return result.data;
  // New keys would lock out every key that was given away: the operator decides.
  throw new StartError([`${file} is damaged: restore it, or remove it to get new keys (the old ones stop working)`]);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function makeSecrets(file: string): Secrets {
  const secrets = {
    pepper: randomBytes(32).toString('base64url'),
    apiKey: generateApiKey('inference'),
    adminKey: generateApiKey('admin'),
  };
  writePrivate(file, `${JSON.stringify(secrets, null, 2)}\n`);
  return secrets;
}

/** By a rename: a reader, or a crash, never sees half a file. */
function writePrivate(file: string, text: string): void {
  const unfinished = `${file}.${process.pid}`;
  writeFileSync(unfinished, text, { mode: 0o600 });
  chmodSync(unfinished, 0o600);
  renameSync(unfinished, file);
}
