import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PlantedTree } from './planted-tree.js';

const lines = (count: number, line: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => line(index)).join('\n');
const longFunction = `export function long(): void {\n${lines(60, () => '  void 0;')}\n}\n`;
const tooLong = (count: number): string => lines(count, (index) => `export const n${index} = ${index};`);

/** File, its text, and the rule that must refuse it. */
const planted: readonly (readonly [file: string, text: string, rule: string])[] = [
  ['libs/a/src/long-file.ts', tooLong(301), 'eslint(max-lines)'],
  ['libs/a/src/long.spec.ts', tooLong(601), 'eslint(max-lines)'],
  ['libs/a/src/long-function.ts', longFunction, 'eslint(max-lines-per-function)'],
  [
    'libs/a/src/params.ts',
    `export const sum = (a: number, b: number, c: number, d: number, f: number) => a + b + c + d + f;`,
    'eslint(max-params)',
  ],
  [
    'libs/a/src/depth.ts',
    `export function deep(a: boolean) {\n  if (a) for (;;) { while (a) { if (!a) return 1; } }\n  return 2;\n}`,
    'eslint(max-depth)',
  ],
  ['libs/a/src/any.ts', `export const loose: any = 1;`, 'typescript(no-explicit-any)'],
  ['libs/a/src/floating.ts', `export function go() { Promise.resolve(1); }`, 'typescript(no-floating-promises)'],
  [
    'libs/a/src/misused.ts',
    `export const go = (work: Promise<boolean>) => (work ? 1 : 2);`,
    'typescript(no-misused-promises)',
  ],
  ['libs/a/src/throw.ts', `export function go() { throw 'text'; }`, 'typescript(only-throw-error)'],
  [
    'libs/a/src/switch.ts',
    `export function name(kind: 'a' | 'b') {\n  switch (kind) {\n    case 'a': return 1;\n  }\n  return 2;\n}`,
    'typescript(switch-exhaustiveness-check)',
  ],
  ['libs/a/src/default.ts', `export default 1;`, 'import(no-default-export)'],
  ['libs/a/src/abbreviated.ts', `export const go = (req: string) => req;`, 'eslint(id-denylist)'],
  ['libs/a/src/CamelCase.ts', `export const a = 1;`, 'unicorn(filename-case)'],
  ['libs/a/src/env.ts', `export const home = process.env['HOME'];`, 'node(no-process-env)'],
  [
    'apps/a/src/env.ts',
    `import { env } from 'node:process';\nexport const home = env['HOME'];`,
    'eslint(no-restricted-imports)',
  ],
  [
    'apps/a/src/sdk.ts',
    `import { createAnthropic } from '@ai-sdk/anthropic';\nexport const anthropic = createAnthropic;`,
    'eslint(no-restricted-imports)',
  ],
  ['libs/a/src/print.ts', `console.log(1);`, 'eslint(no-console)'],
  [
    'libs/a/src/mock.spec.ts',
    `import { jest } from '@jest/globals';\njest.mock('node:fs');`,
    'jest(no-restricted-jest-methods)',
  ],
  [
    'libs/a/src/focus.spec.ts',
    `import { it } from '@jest/globals';\nit.only('runs alone', () => {});`,
    'jest(no-focused-tests)',
  ],
  [
    'libs/a/src/skip.spec.ts',
    `import { it } from '@jest/globals';\nit.skip('never runs', () => {});`,
    'jest(no-disabled-tests)',
  ],
];

/** What the same rules must let pass. */
const fine: Readonly<Record<string, string>> = {
  'apps/a/src/main.ts': `export const home = process.env['HOME'];`,
  'deploy/local/start.ts': `export const home = process.env['HOME'];\nconsole.log(home);`,
  'libs/a/src/sized.ts': tooLong(300),
  'libs/a/src/sized.spec.ts': `${tooLong(300)}\n${longFunction}`,
  'libs/providers/src/acme/acme.provider.ts': `export { createAcme } from '@ai-sdk/acme';`,
  'libs/a/src/injected.service.ts': `import { Logger } from '@nestjs/common';\nexport class Injected { constructor(private readonly logger: Logger) {}\n  say(text: string) { this.logger.log(text); } }`,
};

interface Diagnostic {
  readonly filename: string;
  readonly code: string;
}

describe('the lint rules', () => {
  let tree: PlantedTree;
  let diagnostics: readonly Diagnostic[];

  beforeAll(() => {
    tree = new PlantedTree({ ...fine, ...Object.fromEntries(planted.map(([file, text]) => [file, text])) }, [
      '.oxlintrc.json',
      'package.json',
      'tsconfig.json',
    ]);
    const report = tree.run('oxlint/bin/oxlint', [
      '--disable-nested-config',
      '--type-aware',
      '--format',
      'json',
      'libs',
      'apps',
      'deploy',
    ]);
    diagnostics = (JSON.parse(report) as { diagnostics: readonly Diagnostic[] }).diagnostics;
  }, 60_000);

  afterAll(() => tree.remove());

  it.each(planted)('refuse %s', (file, _text, rule) => {
    expect(diagnostics.filter(({ filename }) => filename === file).map(({ code }) => code)).toContain(rule);
  });

  it.each(Object.keys(fine))('let %s pass', (file) => {
    expect(diagnostics.filter(({ filename }) => filename === file)).toEqual([]);
  });
});
