import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { checkLedger, type Finding, findOffenders } from './check-ledger.js';
import { invariants } from './invariants.js';
import { LedgerFixture } from './testing/ledger-fixture.js';

let fixture: LedgerFixture;
let prepaid: string;

const found = (findings: readonly Finding[], level: Finding['level']): string[] =>
  findings.filter((finding) => finding.level === level && finding.count > 0).map(({ id }) => id);

/** Requests in every state, at once. */
beforeAll(async () => {
  fixture = await LedgerFixture.open();
  prepaid = await fixture.organization('prepaid', { available: 1_000n });
  const postpaid = await fixture.organization('postpaid');
  await fixture.budget(prepaid, 900n);
  const hold = (expired = false) => fixture.hold(prepaid, { nanos: 50, expired });
  const [captured, late, voided] = [await hold(), await hold(true), await hold()];
  await hold(); // open
  await hold(true); // unknown
  await fixture.extend(captured, 25);
  await fixture.release(voided);
  await fixture.settle(
    fixture.row(prepaid, 60, { request_id: captured }),
    fixture.row(prepaid, 40, { request_id: captured, attempt_id: `${captured}#2` }),
    fixture.row(prepaid, 30, { request_id: late }),
    fixture.row(postpaid, 500),
    fixture.row(postpaid, 0),
    fixture.row(prepaid, 5_000), // mostly written off
    fixture.row('org_gone', 5),
  );
  await fixture.ledger.refund(fixture.database, {
    organizationId: prepaid,
    amountNanos: 60n,
    reference: 'r',
    requestId: captured,
  });
  await fixture.database.query(
    `insert into idempotency_keys (organization_id, endpoint, key, fingerprint, request_id) values ($1, 'e', 'k', 'f', $2)`,
    [prepaid, captured],
  );
  await fixture.database.query(
    `insert into dead_letters (id, subject, payload, reason, deliveries) values ('dl_1', 's', '{}', 'r', 1)`,
  );
  await fixture.database.query('select roll_up_usage(1000)');
}, 30_000);
afterAll(() => fixture.close());

describe('right books', () => {
  it('violate nothing, and show what somebody should know', async () => {
    const findings = await checkLedger(fixture.postgres.url);
    expect(findings.map(({ id }) => id)).toEqual(invariants.map(({ id }) => id));
    expect(findings.filter(({ level, count }) => level === 'violation' && count > 0)).toEqual([]);
    expect(found(findings, 'notice')).toEqual(['N1', 'N2', 'N3', 'N4']);
    expect(findings.find(({ id }) => id === 'N2')).toMatchObject({
      count: 1,
      offenders: [{ organization_id: prepaid }],
    });
  });

  it('are those of an empty database too', async () => {
    const empty = await fixture.emptyDatabase();
    expect((await checkLedger(empty)).filter(({ count }) => count > 0)).toEqual([]);
  });
});

/** Behind the back of triggers and constraints: what only a bug, or a person with psql, could do. */
const plants: readonly (readonly [id: string, what: string, ...sql: string[]])[] = [
  [
    'I1',
    'a transaction that does not sum to zero',
    'alter table ledger_transactions drop constraint ledger_transactions_zero',
    `update ledger_transactions set cash_nanos = cash_nanos + 1 where kind = 'top_up'`,
  ],
  [
    'I2',
    'money from nowhere',
    'alter table ledger_transactions drop constraint ledger_transactions_zero',
    `update ledger_transactions set cash_nanos = cash_nanos + 1 where kind = 'top_up'`,
  ],
  ['I3', 'a balance that somebody improved', 'update ledger_accounts set available_nanos = available_nanos + 1'],
  [
    'I4',
    'a balance below its floor',
    'alter table ledger_accounts drop constraint ledger_accounts_floor',
    'update ledger_accounts set available_nanos = -1 where overdraft_nanos = 0',
  ],
  ['I4', 'a prepaid organization without a floor', 'update ledger_accounts set overdraft_nanos = null'],
  ['I5', 'held money without a hold', `update holds set state = 'voided' where state = 'authorized'`],
  [
    'I6',
    'a second capture',
    `insert into ledger_transactions (kind, ref, organization_id, request_id, attempt_id)
     select kind, 'x' || ref, organization_id, request_id, attempt_id || 'x' from ledger_transactions where kind = 'capture'`,
  ],
  [
    'I7',
    'a charge that lost a nano-dollar',
    'update usage_records set charge_nanos = charge_nanos - 1 where charge_nanos = 500',
  ],
  ['I8', 'a captured request that says it is open', `update holds set state = 'authorized' where state = 'captured'`],
  ['I8', 'a void that is missing', `delete from ledger_transactions where kind = 'void'`],
  ['I8', 'a hold of another size', 'update holds set held_nanos = held_nanos + 1'],
  [
    'I9',
    'a charge that its price does not make',
    `update usage_records set price = '{"input": "900000"}' where charge_nanos = 500`,
  ],
  [
    'I9b',
    'usage that nobody pays',
    `delete from ledger_transactions where revenue_nanos = 500`,
    'update usage_records set charge_nanos = 0 where charge_nanos = 500',
  ],
  ['I10', 'a budget that spent too much', 'update budget_windows set spent_nanos = spent_nanos + 1'],
  ['I10', 'a budget that holds too much', 'update budget_windows set held_nanos = held_nanos + 1'],
  ['I10', 'a budget window that is gone', 'delete from budget_windows'],
  [
    'I11',
    'a hold that nobody ends',
    `update holds set expires_at = now() - interval '61 seconds' where state = 'authorized'`,
  ],
  [
    'I12',
    'a capture of another attempt',
    `update ledger_transactions set attempt_id = 'x#1' where revenue_nanos = 500`,
  ],
  [
    'I12',
    'a write-off that the record does not know',
    'update usage_records set written_off_nanos = 0 where written_off_nanos > 0',
  ],
  [
    'I13',
    'a refund above the charge',
    `update ledger_transactions set available_nanos = 61, revenue_nanos = -61 where kind = 'refund'`,
  ],
  [
    'I13b',
    'a refund for no request, above all charges',
    `update ledger_transactions set available_nanos = 10000, revenue_nanos = -10000, request_id = null
     where kind = 'refund'`,
  ],
  ['I14', 'a key of a request that nobody let in', `update idempotency_keys set request_id = 'req_never'`],
  [
    'I14',
    'a request with two keys',
    `insert into idempotency_keys (organization_id, endpoint, key, fingerprint, request_id)
     select organization_id, endpoint, 'another', fingerprint, request_id from idempotency_keys`,
  ],
  [
    'I15',
    'a roll-up that is off by one',
    `update usage_rollups set charge_nanos = charge_nanos + 1 where grain = 'hour'`,
  ],
  ['I15', 'a roll-up that is missing', `delete from usage_rollups where grain = 'minute'`],
];

describe('ledger:check', () => {
  it.each(plants)('%s finds %s', async (id, _what, ...sql) => {
    const runner = fixture.database.createQueryRunner();
    await runner.startTransaction();
    try {
      await runner.query('set local session_replication_role = replica');
      for (const statement of sql) await runner.query(statement);
      expect(found(await findOffenders(runner.manager), 'violation')).toContain(id);
    } finally {
      await runner.rollbackTransaction();
      await runner.release();
    }
  });

  it('has a plant for every law', () => {
    const laws = invariants.filter(({ level }) => level === 'violation').map(({ id }) => id);
    expect([...new Set(plants.map(([id]) => id))].toSorted()).toEqual(laws.toSorted());
  });

  it('counts all offenders and shows the first', async () => {
    const overdue = await fixture.organization('postpaid');
    for (let count = 0; count < 7; count++) await fixture.hold(overdue, { nanos: 1 });
    const findings = await checkLedger(fixture.postgres.url, { overdueSeconds: -3_600 });
    const finding = findings.find(({ id }) => id === 'I11');
    expect(finding?.count).toBe(8);
    expect(finding?.offenders).toHaveLength(5);
  });
});
