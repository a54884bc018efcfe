import { expect, it } from '@jest/globals';
import { readableSize } from './readable-size.js';

it.each([
  [26_214_400, '25 MB'],
  [1_048_576, '1 MB'],
  [27_000_000, '25.7 MB'],
  [131_072, '128 KB'],
  [1_023, '1023 bytes'],
])('%i bytes are %s', (bytes, text) => {
  expect(readableSize(bytes)).toBe(text);
});
