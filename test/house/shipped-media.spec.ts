import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { providers } from '#libs/providers';
import { root } from './repository.js';

const data = JSON.parse(readFileSync(join(root, 'libs/catalog/src/data/models.json'), 'utf8')) as {
  providers: Record<string, Record<string, { mode: string; serves?: string[] }>>;
};

/** `preset: model endpoint` of every shipped model whose preset cannot serve it. */
function unserved(): string[] {
  return Object.entries(data.providers).flatMap(([preset, models]) => {
    const provider = providers.get(preset);
    const served = new Set([...Object.keys(provider?.serves ?? {}), ...(provider?.dialect?.serves ?? [])]);
    return Object.entries(models).flatMap(([id, { serves = ['chat.completions'] }]) =>
      serves.filter((endpoint) => !served.has(endpoint)).map((endpoint) => `${preset}: ${id} ${endpoint}`),
    );
  });
}

describe('shipped models', () => {
  it('answer on nothing that their provider does not serve', () => {
    expect(unserved()).toEqual([]);
  });
});
