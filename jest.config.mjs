import { readFileSync } from 'node:fs';

const swc = JSON.parse(readFileSync(new URL('.swcrc', import.meta.url), 'utf8'));

/** @type {import('jest').Config} */
export default {
  rootDir: '.',
  testEnvironment: 'node',
  // Without this condition jest would resolve #libs/* to a stale ./dist and still pass.
  testEnvironmentOptions: { customExportConditions: ['modapi-src', 'node', 'node-addons'] },
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: { '^.+\\.ts$': ['@swc/jest', { ...swc, swcrc: false, sourceMaps: 'inline' }] },
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
  // The ESM registry of jest grows with every file; a worker above this is replaced.
  workerIdleMemoryLimit: '512MB',
};
