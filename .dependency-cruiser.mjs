// The floors of the house: imports go down, through each lib's front door (`#libs/<lib>`), never sideways, never up.

/** From the ground up. A lib imports libs of the floors below its own. */
const floors = [
  ['contracts'],
  ['catalog', 'providers'],
  ['routing', 'messaging', 'persistence', 'blobs', 'telemetry'],
  ['runtime', 'holds'],
  ['inference'],
];

/** Never part of the product, wherever it lies. */
const testCode = '(\\.(spec|conformance)\\.ts$)|/(testing|__fixtures__)/';

/** What the specs of every worker app share. */
const workerBench = '^libs/inference/src/testing/';

const anyOf = (names) => `(${names.join('|')})`;
const insideLib = (names) => `^libs/${anyOf(names)}/`;
const npm = (names) => `(^|/)node_modules/${anyOf(names)}(/|$)`;

/** One rule per lib, so that the message names what the lib may import. */
const floorRules = floors.flatMap((floor, level) => {
  const below = floors.slice(0, level).flat();
  return floor.map((lib) => ({
    name: `floor-of-${lib}`,
    comment: `libs/${lib} may import ${below.length === 0 ? 'no other lib' : `${below.join(', ')} only`}, and no app.`,
    severity: 'error',
    from: { path: insideLib([lib]) },
    to: { path: '^(libs|apps|deploy|test)/', pathNot: insideLib([lib, ...below]) },
  }));
});

/** Whose noun a package is: nobody else imports it. */
const owners = [
  {
    packages: ['@nats-io/[^/]+', 'bullmq'],
    home: '^libs/messaging/',
    why: 'NATS and BullMQ belong to libs/messaging',
  },
  {
    packages: ['ioredis', 'rate-limiter-flexible'],
    home: '^(libs/messaging|apps/ingress/src/limits)/',
    why: 'Redis belongs to libs/messaging, and to the rate limits of ingress',
  },
  {
    packages: ['typeorm', '@nestjs/typeorm', 'pg'],
    home: '^(libs/persistence|apps/billing)/',
    why: 'Postgres belongs to libs/persistence and billing',
  },
  {
    packages: ['@opentelemetry/sdk-[^/]+', '@opentelemetry/exporter-[^/]+', 'pino'],
    home: '^libs/telemetry/',
    why: 'OpenTelemetry set-up and logs belong to libs/telemetry',
  },
  {
    packages: ['@ai-sdk/[^/]+', 'ai', 'undici'],
    home: '^libs/providers/',
    why: 'talking to upstream vendors belongs to libs/providers',
  },
  {
    packages: ['@aws-sdk/[^/]+'],
    home: '^libs/blobs/',
    why: 'files of our own belong to libs/blobs',
  },
  {
    packages: ['sharp'],
    home: '^apps/(image|sandbox)/',
    why: 'pixels are read and written by the image worker, and by the sandbox that plays a provider',
  },
  {
    packages: ['@fastify/busboy', 'music-metadata'],
    home: '^apps/(ingress/src/uploads|sandbox)/',
    why: 'reading forms and measuring audio belongs to the uploads of ingress, and to the sandbox that plays a provider',
  },
  {
    packages: ['ipaddr\\.js'],
    home: '^libs/providers/src/media/',
    why: "which addresses may be called at a stranger's word is judged in one place",
  },
  {
    packages: ['file-type', 'image-size'],
    home: '^(apps/ingress/src/uploads|libs/providers/src/media)/',
    why: 'telling a file by its first bytes belongs to the uploads of ingress, and to the media that come from providers',
  },
];

const ownerRules = owners.map(({ packages, home, why }) => ({
  name: `home-of-${packages[0].replace(/[^a-z-]/g, '')}`,
  comment: why,
  severity: 'error',
  from: { path: '^(libs|apps)/', pathNot: [home, testCode] },
  to: { path: npm(packages) },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    ...floorRules,
    ...ownerRules,
    {
      name: 'front-door-of-libs',
      comment: "Another lib's or an app's code comes in through `#libs/<lib>`, its src/index.ts.",
      severity: 'error',
      from: { path: '^(libs|apps)/([^/]+)/' },
      to: { path: '^libs/[^/]+/', pathNot: ['^$1/$2/', '^libs/[^/]+/src/index\\.ts$', workerBench] },
    },
    {
      name: 'worker-bench-is-for-tests',
      comment: 'libs/inference/src/testing starts a worker for its specs; the product does not.',
      severity: 'error',
      from: { path: '^(libs|apps)/', pathNot: testCode },
      to: { path: workerBench },
    },
    {
      name: 'front-door-by-name',
      comment: 'Write `#libs/<lib>` or `#apps/<app>`, not a relative path to another folder.',
      severity: 'error',
      from: { path: '^(libs|apps)/([^/]+)/' },
      to: {
        path: '^(libs|apps)/',
        pathNot: ['^$1/$2/', workerBench],
        dependencyTypesNot: ['aliased-subpath-import'],
      },
    },
    {
      name: 'front-door-from-outside',
      comment: 'deploy/ and test/ too come in through src/index.ts.',
      severity: 'error',
      from: { path: '^(deploy|test)/' },
      to: { path: '^(libs|apps)/', pathNot: '^(libs|apps)/[^/]+/src/index\\.ts$' },
    },
    {
      name: 'no-own-front-door',
      comment: 'Inside a folder use relative imports: the front door is for the others.',
      severity: 'error',
      from: { path: '^(libs|apps)/([^/]+)/' },
      to: { path: '^$1/$2/', dependencyTypes: ['aliased-subpath-import'] },
    },
    {
      name: 'apps-import-no-apps',
      comment: 'Apps talk over the bus; only standalone puts them into one process, through `#apps/<app>`.',
      severity: 'error',
      from: { path: '^apps/([^/]+)/', pathNot: '^apps/standalone/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    {
      name: 'standalone-through-front-doors',
      comment: "standalone imports the other apps' src/index.ts only.",
      severity: 'error',
      from: { path: '^apps/standalone/' },
      to: { path: '^apps/', pathNot: ['^apps/standalone/', '^apps/[^/]+/src/index\\.ts$'] },
    },
    {
      name: 'product-imports-no-set-up',
      comment: 'libs and apps know nothing of deploy/ and test/.',
      severity: 'error',
      from: { path: '^(libs|apps)/' },
      to: { path: '^(deploy|test|k8s)/' },
    },
    {
      name: 'contracts-zod-only',
      comment: 'libs/contracts depends on zod and on no package else, and does no I/O.',
      severity: 'error',
      from: { path: '^libs/contracts/', pathNot: testCode },
      to: {
        dependencyTypes: ['npm', 'npm-dev', 'npm-optional', 'npm-no-pkg', 'npm-unknown', 'core'],
        pathNot: [npm(['zod']), '^(node:)?(crypto|zlib|buffer|net)$'],
      },
    },
    {
      name: 'lowest-libs-are-plain',
      comment: 'contracts, catalog and providers are plain TypeScript: no Nest, no TypeORM, no queues.',
      severity: 'error',
      from: { path: insideLib(floors.slice(0, 2).flat()) },
      to: {
        path: npm([
          '@nestjs/[^/]+',
          'typeorm',
          'pg',
          'bullmq',
          'ioredis',
          '@nats-io/[^/]+',
          'fastify',
          'rxjs',
          'reflect-metadata',
        ]),
      },
    },
    {
      name: 'no-cycles',
      comment: 'Under ESM a cycle of decorated classes crashes at start.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'resolvable',
      comment: 'The import leads nowhere.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'declared',
      comment: 'The package is not in package.json: it may vanish with the next install.',
      severity: 'error',
      from: {},
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'no-dev-packages-in-the-product',
      comment: 'A production install lacks devDependencies.',
      severity: 'error',
      from: { path: '^(libs|apps|deploy)/', pathNot: testCode },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'], pathNot: '(^|/)node_modules/@types/' },
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules', '^dist/'] },
    exclude: { path: ['^dist/', '^\\.cache/'] },
    // Type imports build the same walls.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { conditionNames: ['modapi-src', 'import', 'node', 'default'], exportsFields: ['exports'] },
  },
};
