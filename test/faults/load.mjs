// Callers: streams and whole answers, some leave half-way, some insist with an Idempotency-Key until they have an answer.
import { setTimeout as sleep } from 'node:timers/promises';

const models = [
  { weight: 34, value: 'sandbox/chat' },
  { weight: 16, value: 'sandbox/fast' },
  { weight: 14, value: 'sandbox/slow-stream' },
  { weight: 8, value: 'sandbox/slow' },
  { weight: 8, value: 'sandbox/reasoning' },
  { weight: 6, value: 'sandbox/no-usage' },
  { weight: 4, value: 'sandbox/flaky' },
  { weight: 3, value: 'sandbox/error-500' },
  { weight: 3, value: 'sandbox/truncate' },
  { weight: 2, value: 'sandbox/reset' },
  { weight: 2, value: 'sandbox/error-in-stream' },
];
/** Models that never give a whole answer: to insist on one is no use. */
const hopeless = new Set(['sandbox/error-500', 'sandbox/truncate', 'sandbox/reset', 'sandbox/error-in-stream']);
const triesForTheHopeless = 3;
const maxUnderWay = 80;
const patienceMs = 90_000;

/** Draws one call; everything random about it is decided here, so that a seed repeats it. */
function drawCall(random, tenants, number) {
  const tenant = random.pick(tenants);
  const model = random.weighted(models);
  const leaves = random.chance(0.15);
  // Longer than what is held at first: the stream must ask for more money on its way.
  const isLong = model === 'sandbox/chat' && random.chance(0.12);
  return {
    number,
    tenant,
    model,
    isLong,
    stream: random.chance(0.65) || isLong,
    words: isLong ? random.between(1_000, 2_000) : random.between(5, model === 'sandbox/slow-stream' ? 20 : 150),
    leavesAfterMs: leaves ? random.between(1, 1_500) : undefined,
    idempotencyKey: random.chance(0.4) ? `op-${number}-${random.between(1, 1e9)}` : undefined,
  };
}

/**
 * @param {{ baseUrl: string, tenants: object[], random: object, rate: number, until: number }} options
 */
export async function runLoad({ baseUrl, tenants, random, rate, until }) {
  const calls = [];
  const underWay = new Set();
  for (let number = 1; performance.now() < until; number++) {
    const call = { ...drawCall(random, tenants, number), requestIds: new Set(), statuses: [], problems: [] };
    if (underWay.size < maxUnderWay) {
      calls.push(call);
      const running = makeCall(baseUrl, call, tenants).finally(() => underWay.delete(running));
      underWay.add(running);
    }
    await sleep((2 * random.next() * 1_000) / rate);
  }
  await Promise.all(underWay);
  return calls;
}

async function makeCall(baseUrl, call, tenants) {
  const patience = performance.now() + patienceMs;
  for (let attempt = 1; ; attempt++) {
    const outcome = await tryOnce(baseUrl, call, tenants);
    call.statuses.push(outcome.status);
    call.complete = outcome.complete;
    const insists = call.idempotencyKey !== undefined && call.leavesAfterMs === undefined && outcome.again;
    if (insists && hopeless.has(call.model) && attempt === triesForTheHopeless) return;
    if (!insists || performance.now() > patience) {
      call.gaveUp = insists;
      return;
    }
    await sleep(Math.min(2_000, 150 * 2 ** attempt));
  }
}

async function tryOnce(baseUrl, call, tenants) {
  const leaving = new AbortController();
  const timer = call.leavesAfterMs && setTimeout(() => leaving.abort(), call.leavesAfterMs);
  try {
    const response = await fetch(`${baseUrl}/chat/completions`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${call.tenant.apiKey}`,
        'content-type': 'application/json',
        ...(call.idempotencyKey && { 'idempotency-key': call.idempotencyKey }),
      },
      body: JSON.stringify({
        model: call.model,
        stream: call.stream,
        ...(!call.isLong && { max_tokens: call.words * 3 }),
        messages: [
          { role: 'user', content: `My name is ${call.tenant.canary}. Who am I? Answer in ${call.words} words.` },
        ],
      }),
      signal: AbortSignal.any([leaving.signal, AbortSignal.timeout(60_000)]),
    });
    const replayed = response.headers.get('idempotent-replayed') === 'true';
    if (!replayed) call.requestIds.add(response.headers.get('x-request-id'));
    const text = await response.text();
    checkCanary(call, text, tenants);
    const complete = response.status === 200 && (!call.stream || text.includes('data: [DONE]'));
    const cost = response.headers.get('x-modapi-cost-nano-usd');
    if (complete && !call.stream && cost === null)
      call.problems.push(`${call.number}: a whole answer without its cost`);
    if (complete && !replayed) call.answered = response.headers.get('x-request-id');
    const again =
      response.headers.get('x-should-retry') !== 'false' && (response.status >= 500 || response.status === 409);
    const code = /"code":"(\w+)"/.exec(text)?.[1];
    return { status: code ? `${response.status} ${code}` : response.status, complete, again };
  } catch {
    return { status: leaving.signal.aborted ? 'left' : 'broken', complete: false, again: !leaving.signal.aborted };
  } finally {
    clearTimeout(timer);
  }
}

/** No answer may ever carry what belongs to another tenant. */
function checkCanary(call, text, tenants) {
  for (const { canary } of tenants) {
    if (canary !== call.tenant.canary && text.includes(canary))
      call.problems.push(`${call.number}: an answer of another tenant: ${canary}`);
  }
}
