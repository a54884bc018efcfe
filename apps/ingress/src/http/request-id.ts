import { randomFillSync } from 'node:crypto';

const randomBytesPerId = 10;
const pool = Buffer.alloc(randomBytesPerId * 256);
let used = pool.length;

/** A request's id: `req_`, 12 hex digits of Unix milliseconds (so that ids sort by time), 20 random ones. */
export function newRequestId(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const start = used;
  used += randomBytesPerId;
  return `req_${Date.now().toString(16).padStart(12, '0')}${pool.toString('hex', start, used)}`;
}
