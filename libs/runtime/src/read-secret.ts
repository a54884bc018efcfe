import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Environment } from './environment.js';

/** Turns `env:NAME` or `file:PATH` into the secret; throws an error that names the reference and never the value. */
export type ReadSecret = (reference: string) => string;

/** Relative paths are relative to modapi.yaml. Files are read anew each time: a reload picks up a rotated secret. */
export function createSecretReader(env: Environment, configFile: string | undefined): ReadSecret {
  const base = configFile === undefined ? process.cwd() : dirname(resolve(configFile));
  return (reference) => {
    if (reference.startsWith('env:')) return fromEnvironment(reference.slice(4), env);
    if (reference.startsWith('file:')) return fromFile(resolve(base, reference.slice(5)));
    throw new Error('a secret reference is env:NAME or file:PATH');
  };
}

function fromEnvironment(name: string, env: Environment): string {
  const value = env[name]?.trim();
  if (value) return value;
  throw new Error(`the environment variable ${name} is not set`);
}

function fromFile(path: string): string {
  let value: string;
  try {
    value = readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw new Error(`cannot read ${path} (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`, { cause: error });
  }
  if (value) return value;
  throw new Error(`${path} is empty`);
}
