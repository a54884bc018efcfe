import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { gatewayConfigSchema } from './config-schema.js';
import { environmentTable } from './environment-table.js';
import { runtimeEnvironment } from './environment.js';

const docs = join(import.meta.dirname, '../../../docs');

describe('the documentation of the configuration', () => {
  it('has the JSON Schema of the code: `npm run build && node dist/deploy/local/write-config-schema.js` writes it', () => {
    expect(JSON.parse(readFileSync(join(docs, 'modapi.schema.json'), 'utf8'))).toEqual(gatewayConfigSchema());
  });

  it('names every setting of modapi.yaml', () => {
    const text = readFileSync(join(docs, 'configuration.md'), 'utf8');
    const missing = [...propertyNames(gatewayConfigSchema())].filter((name) => !text.includes(`\`${name}\``));
    expect(missing).toEqual([]);
  });

  it('has a row for every environment variable', () => {
    const text = readFileSync(join(docs, 'configuration.md'), 'utf8');
    const names = [...environmentTable.map((row) => row.name), ...Object.keys(runtimeEnvironment.shape)];
    expect(names.filter((name) => !text.includes(`| \`${name}\``))).toEqual([]);
  });
});

function propertyNames(schema: unknown, found = new Set<string>()): Set<string> {
  if (typeof schema !== 'object' || schema === null) return found;
  const { properties } = schema as { properties?: Record<string, unknown> };
  for (const name of Object.keys(properties ?? {})) found.add(name);
  for (const part of Object.values(schema)) propertyNames(part, found);
  return found;
}
