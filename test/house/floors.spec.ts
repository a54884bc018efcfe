import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PlantedTree } from './planted-tree.js';

/** The smallest house that keeps the rules: a front door per lib and app. */
const doors = {
  'libs/contracts/src/index.ts': `export * from './word.js';`,
  'libs/contracts/src/word.ts': `import { z } from 'zod';\nexport const word = z.string();`,
  'libs/catalog/src/index.ts': `export { word as model } from '#libs/contracts';`,
  'libs/providers/src/index.ts': `export { request } from 'undici';`,
  'libs/routing/src/index.ts': `export { model } from '#libs/catalog';`,
  'libs/messaging/src/index.ts': `export { connect } from '@nats-io/transport-node';`,
  'libs/persistence/src/index.ts': `export { DataSource } from 'typeorm';`,
  'libs/telemetry/src/index.ts': `export { pino } from 'pino';`,
  'libs/runtime/src/index.ts': `export { connect } from '#libs/messaging';\nexport { pino } from '#libs/telemetry';`,
  'apps/text/src/index.ts': `export { connect } from '#libs/runtime';`,
  'apps/ingress/src/index.ts': `export { connect } from '#libs/runtime';`,
  'apps/standalone/src/main.ts': `import { connect } from '#apps/text';\nconnect();`,
  // The other half of a planted cycle; a cycle is reported once, where it was entered first.
  'libs/routing/src/cycle-b.ts': `import './cycle-a.js';`,
  'test/cluster/fine.spec.ts': `import { word } from '#libs/contracts';\nword.parse('');`,
};

/** File, its text, and the rule that must refuse it. */
const planted: readonly (readonly [file: string, text: string, rule: string])[] = [
  ['libs/contracts/src/up.ts', `import '#libs/catalog';`, 'floor-of-contracts'],
  ['libs/catalog/src/sideways.ts', `import '#libs/providers';`, 'floor-of-catalog'],
  ['libs/providers/src/up.ts', `import '#libs/routing';`, 'floor-of-providers'],
  ['libs/messaging/src/sideways.ts', `import '#libs/telemetry';`, 'floor-of-messaging'],
  ['libs/persistence/src/up.ts', `import '#libs/runtime';`, 'floor-of-persistence'],
  [
    'libs/routing/src/up.ts',
    `import type { connect } from '#libs/runtime';\nexport type Connect = typeof connect;`,
    'floor-of-routing',
  ],
  ['libs/runtime/src/app.ts', `import '#apps/text';`, 'floor-of-runtime'],
  ['apps/text/src/window.ts', `import '../../../libs/contracts/src/word.js';`, 'front-door-of-libs'],
  ['apps/text/src/back-door.ts', `import '../../../libs/contracts/src/index.js';`, 'front-door-by-name'],
  ['test/cluster/window.ts', `import '../../libs/contracts/src/word.js';`, 'front-door-from-outside'],
  ['libs/contracts/src/own-door.ts', `import '#libs/contracts';`, 'no-own-front-door'],
  ['apps/text/src/neighbour.ts', `import '#apps/ingress';`, 'apps-import-no-apps'],
  ['apps/standalone/src/window.ts', `import '../../text/src/window.js';`, 'standalone-through-front-doors'],
  ['apps/text/src/set-up.ts', `import '../../../test/cluster/window.js';`, 'product-imports-no-set-up'],
  ['libs/contracts/src/yaml.ts', `import 'yaml';`, 'contracts-zod-only'],
  ['libs/contracts/src/files.ts', `import 'node:fs';`, 'contracts-zod-only'],
  ['libs/catalog/src/nest.ts', `import '@nestjs/common';`, 'lowest-libs-are-plain'],
  ['libs/providers/src/queue.ts', `import 'bullmq';`, 'lowest-libs-are-plain'],
  ['apps/text/src/broker.ts', `import '@nats-io/transport-node';`, 'home-of-nats-io'],
  ['apps/ingress/src/table.ts', `import 'typeorm';`, 'home-of-typeorm'],
  ['apps/ingress/src/log.ts', `import 'pino';`, 'home-of-opentelemetrysdk-'],
  ['apps/text/src/upstream.ts', `import 'undici';`, 'home-of-ai-sdk'],
  ['libs/routing/src/cycle-a.ts', `import './cycle-b.js';`, 'no-cycles'],
  ['libs/routing/src/nowhere.ts', `import './nowhere-at-all.js';`, 'resolvable'],
  ['libs/routing/src/undeclared.ts', `import 'semver';`, 'declared'],
  ['libs/routing/src/dev.ts', `import 'openai';`, 'no-dev-packages-in-the-product'],
];

interface Violation {
  readonly from: string;
  readonly rule: { readonly name: string };
}

describe('the floors', () => {
  let tree: PlantedTree;
  let violations: readonly Violation[];

  beforeAll(() => {
    const files = { ...doors, ...Object.fromEntries(planted) };
    tree = new PlantedTree(files, ['.dependency-cruiser.mjs', 'package.json', 'tsconfig.json']);
    const report = tree.run('dependency-cruiser/bin/dependency-cruise.mjs', [
      '--output-type',
      'json',
      'libs',
      'apps',
      'test',
    ]);
    const parsed = JSON.parse(report) as { summary: { violations: readonly Violation[] } };
    violations = parsed.summary.violations;
  }, 60_000);

  afterAll(() => tree.remove());

  it.each(planted)('refuse %s', (file, _text, rule) => {
    expect(violations.filter(({ from }) => from === file).map((violation) => violation.rule.name)).toContain(rule);
  });

  it('let a house that keeps the rules stand', () => {
    const clean = violations.filter(({ from }) => from in doors);
    expect(clean).toEqual([]);
  });
});
