import { describe, expect, it } from '@jest/globals';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { doorCases } from './testing/door-cases.js';
import { endpointCases } from './testing/endpoint-cases.js';
import type { HttpCase } from './testing/http-case.js';
import { mediaCases } from './testing/media-cases.js';
import { moneyCases } from './testing/money-cases.js';
import { organizationCases } from './testing/organization-cases.js';
import { parameterCases } from './testing/parameter-cases.js';
import { policyCases } from './testing/policy-cases.js';
import { uploadCases } from './uploads/testing/upload-cases.js';

const here = import.meta.dirname;
const page = readFileSync(join(here, '../../../docs/bad-inputs.md'), 'utf8');
const rows = [...page.matchAll(/^\| (\d+) +\| (.*) \| (.*) \| (.*) \|$/gm)].map(([, row, input, answer, tested]) => ({
  row: Number(row),
  input: input!,
  answer: answer!,
  tested: tested!.trim(),
}));
const tables: Record<string, readonly HttpCase[]> = {
  'door-cases': doorCases,
  'parameter-cases': parameterCases,
  'endpoint-cases': endpointCases,
  'media-cases': mediaCases,
  'money-cases': moneyCases,
  'organization-cases': organizationCases,
  'policy-cases': policyCases,
  'upload-cases': uploadCases,
};
/** What is not refused at the door is tested where it happens. */
const folders = [here, ...['../../text/src', '../../../libs/providers/src'].map((path) => join(here, path))];
const specs = folders
  .flatMap((folder) => readdirSync(folder, { recursive: true, encoding: 'utf8' }))
  .filter((path) => path.endsWith('.spec.ts'));

describe('docs/bad-inputs.md', () => {
  it('has rows 1 to 77, 86 to 92 and 99 to 107, each once', () => {
    const numbers = rows.map(({ row }) => row);
    expect(new Set(numbers).size).toBe(numbers.length);
    const range = (first: number, last: number) =>
      Array.from({ length: last - first + 1 }, (_, index) => first + index);
    const wanted = [...range(1, 77), ...range(79, 92), ...range(99, 109)];
    expect(wanted.filter((row) => !numbers.includes(row))).toEqual([]);
  });

  it.each(rows.map((row) => [row.row, row] as const))(
    'row %i is tested where it says, or says why not',
    (_number, entry) => {
      if (entry.tested.startsWith('not yet: ')) {
        expect(
          Object.values(tables)
            .flat()
            .some(({ row }) => row === entry.row),
        ).toBe(false);
        return;
      }
      for (const name of entry.tested.split(', ')) {
        const table = tables[name];
        if (table) expect(table.some(({ row }) => row === entry.row)).toBe(true);
        else expect(specs.some((path) => path.endsWith(`${name}.ts`))).toBe(true);
      }
    },
  );

  it.each(Object.entries(tables))('has the status and code of every case of %s', (name, table) => {
    for (const { row, status, code, what } of table) {
      const entry = rows.find((candidate) => candidate.row === row);
      expect([what, entry?.tested.includes(name)]).toEqual([what, true]);
      // Row 17 has two answers, one with and one without a key.
      expect([what, entry?.answer.includes(String(status))]).toEqual([what, true]);
      if (code !== 'missing_api_key' || row === 1) expect([what, entry?.answer.includes(code)]).toEqual([what, true]);
    }
  });

  it('lies where the specs look for it', () => expect(existsSync(join(here, 'testing/door-cases.ts'))).toBe(true));
});
