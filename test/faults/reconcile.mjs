// The upstream's own log against the ledger: what was called, what was charged, what nobody can tell.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { leaseSeconds } from './rig.mjs';

/** Waits until no hold is open and nothing was recorded for a while. */
export async function settle(databaseUrl, limitMs = 180_000) {
  const startedAt = performance.now();
  let last = '';
  let since = performance.now();
  while (performance.now() - startedAt < limitMs) {
    const state = await ask(
      databaseUrl,
      `select (select count(*) from holds where state = 'authorized')::int as open,
              (select count(*) from usage_records)::int as records,
              (select count(*) from ledger_transactions)::int as transactions`,
    ).catch(() => undefined);
    const now = JSON.stringify(state);
    if (now !== last || state === undefined || state[0].open > 0) since = performance.now();
    last = now;
    if (performance.now() - since > leaseSeconds * 1_000 + 3_000) return Math.round(performance.now() - startedAt);
    await sleep(500);
  }
  throw new Error(`the ledger did not come to rest in ${limitMs / 1000} s: ${last}`);
}

async function ask(databaseUrl, sql, values = []) {
  const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(sql, values)).rows;
  } finally {
    await client.end();
  }
}

function readCallLog(file) {
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  const calls = new Map();
  for (const line of lines) {
    if (line.attempt_id === null) continue;
    if (line.event === 'started') calls.set(line.call_id, { ...line, ended: undefined });
    else if (calls.has(line.call_id)) calls.get(line.call_id).ended = line;
  }
  return [...calls.values()];
}

const sum = (list, of) => list.reduce((total, item) => total + of(item), 0);

async function readLedger(databaseUrl) {
  const [records, holds, captures, [{ extensions }]] = await Promise.all([
    ask(
      databaseUrl,
      `select attempt_id, request_id, outcome, usage_source, charge_nanos, written_off_nanos, witness,
         input_tokens + input_cached_tokens as input, output_tokens + reasoning_tokens as output from usage_records`,
    ),
    ask(databaseUrl, `select request_id, state from holds`),
    ask(
      databaseUrl,
      `select attempt_id, revenue_nanos, writeoff_nanos, late from ledger_transactions where kind = 'capture'`,
    ),
    ask(databaseUrl, `select count(*)::int as extensions from ledger_transactions where kind = 'extend'`),
  ]);
  return { records, holds, captures, extensions };
}

/** Request id → how many of its attempts were charged. */
function chargesOf(records) {
  const charges = new Map();
  for (const { request_id: request, charge_nanos: charge, written_off_nanos: writtenOff } of records) {
    if (charge !== '0' || writtenOff !== '0') charges.set(request, (charges.get(request) ?? 0) + 1);
  }
  return charges;
}

/** @param {{ callLog: string, databaseUrl: string }} rig */
export async function reconcile(rig, clientCalls) {
  const { records, holds, captures, extensions } = await readLedger(rig.databaseUrl);
  const calls = readCallLog(rig.callLog);
  const recordOf = new Map(records.map((record) => [record.attempt_id, record]));
  return {
    ...callsAgainst(calls, recordOf, holds, new Set(captures.map(({ attempt_id: attempt }) => attempt))),
    ...answersAgainst(clientCalls, chargesOf(records)),
    wrong: calls
      .filter((call) => isWrong(call, recordOf.get(call.attempt_id)))
      .map(({ attempt_id: attempt }) => attempt),
    extensions,
    balanceStops: records.filter(({ outcome }) => outcome === 'balance_stop').length,
    late: captures.filter(({ late }) => late).length,
    writtenOffNanos: String(-sum(captures, ({ writeoff_nanos: nanos }) => Number(nanos))),
    revenueNanos: String(sum(captures, ({ revenue_nanos: nanos }) => Number(nanos))),
    states: countBy(holds, 'state', ['captured', 'voided', 'expired', 'authorized']),
    witnesses: countBy(records, 'witness', ['worker', 'ingress']),
  };
}

/**
 * Every call that the upstream saw is captured, recorded without a charge, or unknown; else it is lost. Unknown is only
 * what nobody ended: a hold that was released or captured had somebody who knew of the call, and must have its row.
 */
function callsAgainst(calls, recordOf, holds, captured) {
  const holdOf = new Map(holds.map((hold) => [hold.request_id, hold]));
  const ids = calls.map(({ attempt_id: attempt }) => attempt);
  const unrecorded = ids.filter((attempt) => !recordOf.has(attempt));
  const isUnknown = (attempt) => holdOf.get(requestOf(attempt))?.state === 'expired';
  return {
    calls: ids.length,
    captured: ids.filter((attempt) => captured.has(attempt)).length,
    notCharged: ids.filter((attempt) => recordOf.has(attempt) && !captured.has(attempt)).length,
    unknown: unrecorded.filter(isUnknown),
    lost: unrecorded
      .filter((attempt) => !isUnknown(attempt))
      .map((attempt) => `${attempt} (hold ${holdOf.get(requestOf(attempt))?.state ?? 'missing'})`),
    repeatedAttempts: repeated(ids),
  };
}

/** What callers saw against what was charged. */
function answersAgainst(clientCalls, charges) {
  const chargesFor = ({ requestIds }) => [...requestIds].filter((request) => charges.has(request)).length;
  return {
    double: [...charges].filter(([, count]) => count > 1).map(([request]) => request),
    doubleByKey: clientCalls
      .filter((call) => call.idempotencyKey && chargesFor(call) > 1)
      .map(({ number, requestIds }) => `${number}: ${[...requestIds].join(', ')}`),
    freeAnswers: clientCalls
      .filter(({ complete, answered }) => complete && answered && !charges.has(answered))
      .map(({ answered }) => answered),
  };
}

function countBy(list, property, names) {
  return Object.fromEntries(names.map((name) => [name, list.filter((item) => item[property] === name).length]));
}

const requestOf = (attempt) => attempt.slice(0, attempt.lastIndexOf('#'));

function repeated(list) {
  const seen = new Set();
  return list.filter((item) => seen.size === seen.add(item).size);
}

/** What the upstream says it generated in a call that ended well must be what was charged for. */
function isWrong({ ended }, record) {
  if (!record || record.outcome !== 'done' || record.usage_source !== 'provider' || ended?.outcome !== 'finished')
    return false;
  const { prompt_tokens: input, completion_tokens: output } = ended.usage ?? {};
  return Number(record.input) !== input || Number(record.output) !== output;
}
