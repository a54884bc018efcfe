import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { GatewayConfig } from '#libs/contracts';
import type { LogFields, Logger } from '#libs/telemetry';
import { FileLiveConfig } from './file-live-config.js';
import type { Derived } from './live-config.js';
import { StartError } from './start-error.js';

let dir: string;
let file: string;
let logged: { level: string; fields: LogFields }[];
const logger: Logger = {
  debug: () => undefined,
  info: (fields) => void logged.push({ level: 'info', fields }),
  warn: (fields) => void logged.push({ level: 'warn', fields }),
  error: (fields) => void logged.push({ level: 'error', fields }),
};
const errors = (): LogFields[] => logged.filter((line) => line.level === 'error').map((line) => line.fields);

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'modapi-config-'));
  file = join(dir, 'modapi.yaml');
  logged = [];
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const withProviders = (...ids: string[]): string =>
  `apiVersion: modapi/v1\nproviders:\n${ids.map((id) => `  ${id}: { apiKey: 'env:KEY' }\n`).join('')}`;
const providerIds = (config: GatewayConfig) => ({ value: Object.keys(config.providers), problems: [] });

function problemsOf(start: () => unknown): readonly string[] {
  try {
    start();
  } catch (error) {
    if (error instanceof StartError) return error.problems;
    throw error;
  }
  return [];
}

async function until(condition: () => boolean): Promise<void> {
  for (let waitedMs = 0; !condition(); waitedMs += 10) {
    if (waitedMs > 4_000) throw new Error('it never happened');
    await sleep(10);
  }
}

describe('FileLiveConfig at start', () => {
  it('is an empty configuration without a file', () => {
    expect(new FileLiveConfig(undefined, logger).derive(providerIds).current).toEqual([]);
  });

  it('names a file that cannot be read', () => {
    expect(problemsOf(() => new FileLiveConfig(file, logger))).toEqual([
      `cannot read the configuration ${file} (ENOENT)`,
    ]);
  });

  it('lists every problem with its line and path', () => {
    const lines = [
      'apiVersion: modapi/v2',
      'providers:',
      '  groq:',
      '    apiKey: gsk_plain',
      '    colour: red',
      'models:',
      '  - id: a',
      '  - id: b',
      '    deployments: [{ provider: groq, weight: 0 }]',
    ];
    writeFileSync(file, lines.join('\n'));
    const problems = problemsOf(() => new FileLiveConfig(file, logger).assertValid());
    expect(problems).toEqual([
      expect.stringContaining(`${file}:1: apiVersion: `),
      `${file}:4: providers.groq.apiKey: write env:NAME or file:PATH, never the secret itself`,
      `${file}:5: providers.groq.colour is not a setting`,
      `${file}:7: models[0].deployments is missing`,
      expect.stringContaining(`${file}:9: models[1].deployments[0].weight: `),
    ]);
    expect(problems.join()).not.toContain('gsk_plain');
  });

  it('points at the line of a YAML error', () => {
    writeFileSync(file, 'apiVersion: modapi/v1\nproviders: [\n');
    expect(problemsOf(() => new FileLiveConfig(file, logger))[0]).toMatch(/modapi\.yaml:\d+: /);
  });

  it('collects the problems of all derived values', () => {
    writeFileSync(file, withProviders('groq'));
    const config = new FileLiveConfig(file, logger);
    config.derive(() => ({ value: 1, problems: ['providers.groq.apiKey: first'] }));
    config.derive(() => ({ value: 2, problems: ['providers.groq.apiKey: first'] }));
    config.derive(() => {
      throw new Error('second');
    });
    expect(problemsOf(() => config.assertValid())).toEqual([
      `${file}:3: providers.groq.apiKey: first`,
      `${file}: second`,
    ]);
  });
});

/** A builder like those of the apps: a provider needs a key, a deployment a provider. */
function checked({ providers, models }: GatewayConfig): Derived<undefined> {
  const withoutKey = Object.entries(providers).filter(([, { apiKey }]) => apiKey === undefined);
  const problems = withoutKey.map(([id]) => `providers.${id}.apiKey: missing`);
  for (const [index, { deployments }] of models.entries()) {
    for (const [position, { provider }] of deployments.entries()) {
      if (Object.hasOwn(providers, provider)) continue;
      problems.push(`models[${index}].deployments[${position}].provider: "${provider}" is unknown`);
    }
  }
  return { value: undefined, problems, warnings: ['of a part of the file'] };
}

describe('FileLiveConfig with schema errors', () => {
  const problemsIn = (...lines: string[]): readonly string[] => {
    writeFileSync(file, lines.join('\n'));
    const config = new FileLiveConfig(file, logger);
    config.derive(checked);
    return problemsOf(() => config.assertValid());
  };

  it('lists them together with the problems of the other entries, and without what only follows from them', () => {
    const problems = problemsIn(
      'apiVersion: modapi/v1',
      'providers:',
      '  broken: { apikey: env:KEY }',
      '  Upper: { apiKey: env:KEY }',
      '  keyless: {}',
      'models:',
      '  - id: a b',
      '    deployments: [{ provider: nowhere }]',
      '  - id: a',
      '    deployments:',
      '      - { provider: elsewhere, weight: 0 }',
      '      - { provider: broken }',
      '      - { provider: Upper }',
      '      - { provider: gone }',
    );
    expect(problems).toEqual([
      `${file}:3: providers.broken.apikey is not a setting`,
      expect.stringContaining(`${file}:4: providers.Upper: `),
      expect.stringContaining(`${file}:7: models[0].id: `),
      expect.stringContaining(`${file}:11: models[1].deployments[0].weight: `),
      `${file}:5: providers.keyless.apiKey: missing`,
      `${file}:8: models[0].deployments[0].provider: "nowhere" is unknown`,
      `${file}:14: models[1].deployments[3].provider: "gone" is unknown`,
    ]);
    expect(logged).toEqual([]);
  });

  it.each([
    ['are a list', ['providers: [groq]']],
    ['are empty', ['providers:']],
    ['stand under a misspelt key', ['provider: { groq: { apiKey: env:KEY } }']],
  ])('calls no provider unknown when the providers %s', (_what, lines) => {
    const problems = problemsIn(
      'apiVersion: modapi/v1',
      ...lines,
      'models: [{ id: a, deployments: [{ provider: groq }] }]',
    );
    expect(problems).toEqual([expect.stringMatching(/:2: provider/)]);
  });

  it.each([
    ['a text', 'hello'],
    ['a list', '[1]'],
    ['models that are a map', 'models: {}'],
    ['a model that is a text', 'models: [a]'],
  ])('survives %s', (_what, text) => {
    const problems = problemsIn(text);
    expect(problems.length).toBeGreaterThan(0);
    for (const problem of problems) expect(problem.startsWith(file)).toBe(true);
  });

  it('keeps the last good one on a reload, and logs all of them', () => {
    writeFileSync(file, withProviders('groq'));
    const config = new FileLiveConfig(file, logger);
    const ids = config.derive(providerIds);
    config.derive((current) => ({ ...checked(current), warnings: [] }));
    writeFileSync(file, `${withProviders('mistral')}  keyless: {}\ncolour: red\n`);
    expect(config.reload()).toBe(false);
    expect(ids.current).toEqual(['groq']);
    expect(errors()[0]?.problems).toEqual([
      `${file}:5: colour is not a setting`,
      `${file}:4: providers.keyless.apiKey: missing`,
    ]);
  });
});

describe('FileLiveConfig on reload', () => {
  it('swaps all derived values', () => {
    writeFileSync(file, withProviders('groq'));
    const config = new FileLiveConfig(file, logger);
    const ids = config.derive(providerIds);
    const count = config.derive((value) => ({ value: Object.keys(value.providers).length, problems: [] }));
    writeFileSync(file, withProviders('groq', 'mistral'));
    expect(config.reload()).toBe(true);
    expect([ids.current, count.current]).toEqual([['groq', 'mistral'], 2]);
  });

  it('keeps every value when one build has a problem', () => {
    writeFileSync(file, withProviders('groq'));
    const config = new FileLiveConfig(file, logger);
    const ids = config.derive(providerIds);
    config.derive((value) => ({ value: 0, problems: value.providers['bad'] ? ['bad provider'] : [] }));
    writeFileSync(file, withProviders('bad'));
    expect(config.reload()).toBe(false);
    expect(ids.current).toEqual(['groq']);
    expect(errors()[0]?.problems).toEqual([`${file}: bad provider`]);
  });

  it('keeps the last good one over a broken and a missing file, and recovers', () => {
    writeFileSync(file, withProviders('groq'));
    const config = new FileLiveConfig(file, logger);
    const ids = config.derive(providerIds);
    writeFileSync(file, 'apiVersion: [');
    expect(config.reload()).toBe(false);
    unlinkSync(file);
    expect(config.reload()).toBe(false);
    expect(ids.current).toEqual(['groq']);
    expect(errors()).toHaveLength(2);
    writeFileSync(file, withProviders('mistral'));
    expect(config.reload()).toBe(true);
    expect(ids.current).toEqual(['mistral']);
  });
});

describe('FileLiveConfig while watching', () => {
  let config: FileLiveConfig | undefined;
  afterEach(() => config?.close());

  it('notices a change in place and a replaced file, again and again', async () => {
    writeFileSync(file, withProviders('one'));
    config = new FileLiveConfig(file, logger);
    const ids = config.derive(providerIds);
    config.watch();
    writeFileSync(file, withProviders('two'));
    await until(() => ids.current[0] === 'two');
    for (const id of ['three', 'four']) {
      writeFileSync(join(dir, 'modapi.yaml.tmp'), withProviders(id));
      renameSync(join(dir, 'modapi.yaml.tmp'), file);
      await until(() => ids.current[0] === id);
    }
  });

  it('notices the symlink swap of a mounted ConfigMap', async () => {
    const publish = (version: string, id: string): void => {
      mkdirSync(join(dir, version));
      writeFileSync(join(dir, version, 'modapi.yaml'), withProviders(id));
      symlinkSync(version, join(dir, '..data_tmp'));
      renameSync(join(dir, '..data_tmp'), join(dir, '..data'));
    };
    publish('..v1', 'one');
    symlinkSync(join('..data', 'modapi.yaml'), file);
    config = new FileLiveConfig(file, logger);
    const ids = config.derive(providerIds);
    config.watch();
    publish('..v2', 'two');
    rmSync(join(dir, '..v1'), { recursive: true });
    await until(() => ids.current[0] === 'two');
    publish('..v3', 'three');
    await until(() => ids.current[0] === 'three');
  });

  it('is quiet about a file that was touched and not changed', async () => {
    writeFileSync(file, withProviders('one'));
    config = new FileLiveConfig(file, logger);
    config.watch();
    writeFileSync(file, withProviders('one'));
    await sleep(250);
    expect(logged).toEqual([]);
  });
});
