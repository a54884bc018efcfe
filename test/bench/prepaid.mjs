// Makes the organization of a running ModAPI prepaid, and reads its books: what was charged must be what was called.
import { waitUntil } from './owned-process.mjs';
import { bodies } from './wire.mjs';

/** A dollar: more than what the first calls cost, less than what the large call below wants held. */
const smallNanos = '1000000000';
/** A million dollars: no run spends it. */
const amplyNanos = '1000000000000000';
const largeBody = JSON.stringify({ ...JSON.parse(bodies.unary), max_tokens: 10_000_000 });
const settledWithinMs = 10_000;

async function send(url, { key, body }) {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const signal = AbortSignal.timeout(5000);
  const answer = await fetch(url, { headers, signal, ...(body !== undefined && { method: 'POST', body }) });
  return { status: answer.status, text: await answer.text() };
}

async function ask(url, request) {
  const { status, text } = await send(url, request);
  if (status !== 200) throw new Error(`${url}: status ${status}: ${text.slice(0, 300)}`);
  return JSON.parse(text);
}

/**
 * @typedef {object} Books
 * @property {bigint} available nano-dollars
 * @property {bigint} held nano-dollars
 */

/**
 * @param {{ baseUrl: string, key: string, adminKey: string }} access
 * @returns {Promise<{ readBooks: () => Promise<Books> }>}
 */
export async function makePrepaid({ baseUrl, key, adminKey }) {
  const billing = `${baseUrl}/organization/billing`;
  const post = (url, body) => ask(url, { key: adminKey, body: JSON.stringify(body) });
  await post(`${billing}/top_ups`, { amount_nano_usd: smallNanos, reference: 'bench-small' });
  await post(billing, { mode: 'prepaid' });
  // Every process has heard of it when a call is refused that the balance does not cover; before, it would run.
  const isRefused = async () => {
    const { text } = await send(`${baseUrl}/chat/completions`, { key, body: largeBody });
    return text.includes('insufficient_quota');
  };
  await waitUntil(isRefused, { what: 'the refusal of a call that is not covered', timeoutMs: 10_000 });
  await post(`${billing}/top_ups`, { amount_nano_usd: amplyNanos, reference: 'bench-ample' });
  const readBooks = async () => {
    const answer = await ask(billing, { key: adminKey });
    return { available: BigInt(answer.available_nano_usd), held: BigInt(answer.held_nano_usd) };
  };
  return { readBooks };
}

/**
 * Ends a run in which a call was not charged, was charged twice or wrongly, or left a hold behind.
 * @param {import('./systems.mjs').System} system
 * @param {{ what: string, calls: number, chargeNanos: bigint, before: Books }} run
 */
export async function refuseWrongBooks(system, { what, calls, chargeNanos, before }) {
  const wanted = before.available - BigInt(calls) * chargeNanos;
  let now = before;
  const isRight = async () => {
    now = await system.readBooks();
    return now.held === 0n && now.available === wanted;
  };
  await waitUntil(isRight, { what: 'the books', timeoutMs: settledWithinMs, everyMs: 100 }).catch(() => {
    const charged = before.available - now.available;
    throw new Error(
      `${system.name}, ${what}: ${calls} calls should be charged ${BigInt(calls) * chargeNanos} nano-dollars with 0 held; charged ${charged}, held ${now.held}`,
    );
  });
}
