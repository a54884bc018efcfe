import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { createSecretReader } from './read-secret.js';

const dir = mkdtempSync(join(tmpdir(), 'modapi-secret-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const read = createSecretReader({ GROQ_API_KEY: 'gsk', BLANK: ' ' }, join(dir, 'modapi.yaml'));

describe('createSecretReader', () => {
  it('reads the environment', () => {
    expect(read('env:GROQ_API_KEY')).toBe('gsk');
    expect(() => read('env:MISSING')).toThrow('the environment variable MISSING is not set');
    expect(() => read('env:BLANK')).toThrow('the environment variable BLANK is not set');
  });

  it('reads a file relative to modapi.yaml, anew each time', () => {
    writeFileSync(join(dir, 'key'), 'first\n');
    expect(read('file:key')).toBe('first');
    writeFileSync(join(dir, 'key'), 'second\n');
    expect(read(`file:${join(dir, 'key')}`)).toBe('second');
    expect(() => read('file:absent')).toThrow('(ENOENT)');
  });

  it('does not repeat what is not a reference: it may be the secret', () => {
    expect(() => read('gsk_plain')).toThrow('a secret reference is env:NAME or file:PATH');
  });
});
