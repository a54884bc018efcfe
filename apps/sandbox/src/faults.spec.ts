import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { vectorModels } from './embedding/vector-models.js';
import { faults } from './faults.js';
import { contentModels } from './models.js';
import { findModel, sandboxModels } from './served-models.js';

const page = readFileSync(new URL('../../../docs/sandbox.md', import.meta.url), 'utf8');

/** Cells of the table rows that begin with a model id. */
const rows = page
  .split('\n')
  .filter((line) => line.startsWith('| `sandbox/'))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );

describe('docs/sandbox.md', () => {
  it('lists the models as they are', () => {
    expect(rows.filter((row) => row.length === 4)).toEqual(
      contentModels.map((model) => [
        `\`${model.id}\``,
        model.description,
        String(model.contextTokens),
        String(model.maxOutputTokens),
      ]),
    );
  });

  it('lists the vector models with their dimensions', () => {
    const said = new Map(rows.filter((row) => row.length === 3).map(([id, answersOn]) => [id, answersOn]));
    expect(vectorModels.map(({ id }) => said.get(`\`${id}\``))).toEqual(
      vectorModels.map(({ serves, dimensions }) =>
        serves === 'rerank' ? serves : `${serves}, ${dimensions.toLocaleString('en-US')} dimensions`,
      ),
    );
  });

  it('lists the faults as they are', () => {
    expect(rows.filter((row) => row.length === 2)).toEqual(
      faults.map((fault) => [`\`${fault.id}\``, fault.description]),
    );
  });
});

describe('served models', () => {
  it('have ids of their own', () => {
    expect(new Set(sandboxModels.map((model) => model.id)).size).toBe(contentModels.length + faults.length);
  });

  it('are found with and without the prefix', () => {
    expect(findModel('sandbox/hang')?.fault?.id).toBe('sandbox/hang');
    expect(findModel('hang')?.fault?.id).toBe('sandbox/hang');
    expect(findModel('fast')?.fault).toBeUndefined();
    expect(findModel('gpt-4o')).toBeUndefined();
  });
});
