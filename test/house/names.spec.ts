import { describe, expect, it } from '@jest/globals';
import { apps, libs, paths, read } from './repository.js';

const emptyWords = new Set(['util', 'utils', 'helper', 'helpers', 'common', 'shared', 'core', 'misc']);

describe('names', () => {
  it('say what is inside: no utils, helpers, common, shared, core or misc', () => {
    const empty = paths.filter((path) => {
      const name = path.slice(path.lastIndexOf('/') + 1);
      return name.split('.').some((part) => emptyWords.has(part));
    });
    expect(empty).toEqual([]);
  });

  it('of apps and libs are those of nest-cli.json', () => {
    const { projects } = JSON.parse(read('nest-cli.json')) as { projects: Record<string, { root: string }> };
    expect(
      Object.values(projects)
        .map((project) => project.root)
        .toSorted(),
    ).toEqual([...apps, ...libs].toSorted());
    for (const [name, project] of Object.entries(projects)) expect(project.root).toMatch(new RegExp(`/${name}$`));
  });
});

describe('a disabled rule', () => {
  // Put together, so that this file does not name what it looks for.
  const directive = new RegExp(`(?:ox|es)${'lint'}-disable[^\\n]*|@ts-(?:expect-error|ignore|nocheck)[^\\n]*`, 'g');
  const sources = paths.filter((path) => /^(apps|libs|deploy|test)\/.*\.(ts|mjs)$/.test(path));

  it('carries its reason on the same line', () => {
    const silent = sources.flatMap((path) =>
      (read(path).match(directive) ?? [])
        .filter((line) => !/ (?:--|—|:) \S.{9,}/.test(line) && !/@ts-expect-error:? \S.{9,}/.test(line))
        .map((line) => `${path}: ${line}`),
    );
    expect(silent.filter((line) => !line.startsWith('test/house/names.spec.ts'))).toEqual([]);
  });
});
