import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { apps, libs, read, root } from './repository.js';

/** As a heading (`## Is`), emphasised (`**Is**`, `_Is_`) or with a colon, at the start of a line or list item. */
const section = (title: string): RegExp => new RegExp(`^(?:[-*] )?(?:#+ |[*_]{1,2}|)${title}(?:[*_]{1,2}|[:.]|$)`, 'm');

describe.each([...apps, ...libs])('%s/README.md', (folder) => {
  const path = `${folder}/README.md`;
  const text = existsSync(join(root, path)) ? read(path) : '';

  it('has at most 30 lines', () => {
    expect(text).not.toBe('');
    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(30);
  });

  it.each(['Is', 'Is not', 'Front door', 'Guarantees'])('says: %s', (title) => {
    expect(text).toMatch(section(title));
  });
});
