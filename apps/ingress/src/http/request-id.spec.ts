import { expect, it } from '@jest/globals';
import { newRequestId } from './request-id.js';

it('makes ids that differ and sort by time', async () => {
  const early = Array.from({ length: 2_000 }, () => newRequestId());
  await new Promise((resolve) => setTimeout(resolve, 5));
  const late = newRequestId();
  expect(new Set(early).size).toBe(2_000);
  for (const id of early) {
    expect(id).toMatch(/^req_[0-9a-f]{32}$/);
    expect(id < late).toBe(true);
  }
});
