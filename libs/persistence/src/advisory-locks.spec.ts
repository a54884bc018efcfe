import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { advisoryLocks } from './advisory-locks.js';

it('gives each job a number of its own', () => {
  const numbers = Object.values(advisoryLocks);
  expect(new Set(numbers).size).toBe(numbers.length);
});

it('is the only place where a lock gets its number', () => {
  const folder = new URL('./migrations/', import.meta.url);
  const files = readdirSync(folder).map((name) => [name, readFileSync(new URL(name, folder), 'utf8')] as const);
  const own = files.filter(([, text]) => /advisory_(xact_)?lock\(\s*\d/.test(text)).map(([name]) => name);
  expect(files.some(([, text]) => text.includes('advisory_xact_lock(${'))).toBe(true);
  expect(own).toEqual([]);
});
