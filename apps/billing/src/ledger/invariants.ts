import { mediaUnits } from '#libs/contracts';

/** A law of the books, and the query that finds who breaks it. */
export interface Invariant {
  readonly id: string;
  readonly says: string;
  /** `notice`: worth a look, but lawful. */
  readonly level: 'violation' | 'notice';
  /** Returns offenders, one row each. `:overdue` is a number of seconds. */
  readonly sql: string;
}

const law = (id: string, says: string, sql: string): Invariant => ({ id, says, level: 'violation', sql });
const notice = (id: string, says: string, sql: string): Invariant => ({ id, says, level: 'notice', sql });

/** Money: entries, projection, floor. */
const books: readonly Invariant[] = [
  law(
    'I1',
    'the entries of each transaction sum to zero',
    `select id, kind, ref, available_nanos + held_nanos + cash_nanos + revenue_nanos + writeoff_nanos as off_by
     from ledger_transactions
     where available_nanos + held_nanos + cash_nanos + revenue_nanos + writeoff_nanos <> 0`,
  ),
  law(
    'I2',
    'all entries together sum to zero',
    `select sum(amount_nanos) as off_by from ledger_entries having sum(amount_nanos) <> 0`,
  ),
  law(
    'I3',
    'each balance is the sum of its entries',
    `select organization_id, a.available_nanos, a.held_nanos, s.available as entered_available, s.held as entered_held
     from ledger_accounts a
     full join (
       select organization_id, sum(available_nanos) as available, sum(held_nanos) as held
       from ledger_transactions group by organization_id
     ) s using (organization_id)
     where a.organization_id is null or a.available_nanos <> coalesce(s.available, 0)
       or a.held_nanos <> coalesce(s.held, 0)`,
  ),
  law(
    'I4',
    'no balance is below its overdraft, and prepaid organizations have a floor',
    `select a.organization_id, o.billing_mode, a.available_nanos, a.held_nanos, a.overdraft_nanos
     from organizations o left join ledger_accounts a on a.organization_id = o.id
     where a.organization_id is null or a.available_nanos < -a.overdraft_nanos or a.held_nanos < 0
       or (o.billing_mode = 'prepaid') <> (a.overdraft_nanos is not null)`,
  ),
  law(
    'I5',
    'what is held is the sum of open holds',
    `select organization_id, a.held_nanos, h.held as open_holds
     from ledger_accounts a
     full join (
       select organization_id, sum(held_nanos) as held from holds where state = 'authorized' group by organization_id
     ) h using (organization_id)
     where coalesce(a.held_nanos, 0) <> coalesce(h.held, 0)`,
  ),
];

/** Charges: once, right, and the same in the books as in the records. */
const charges: readonly Invariant[] = [
  law(
    'I6',
    'a request is charged at most once',
    `select request_id, count(*) as captures from ledger_transactions where kind = 'capture'
     group by request_id having count(*) > 1
     union all
     select request_id, count(*) from usage_records where charge_nanos + written_off_nanos > 0
     group by request_id having count(*) > 1`,
  ),
  law(
    'I7',
    'revenue is what usage records charged and wrote off, less refunds',
    `select b.revenue, r.recorded, b.refunded
     from (
       select coalesce(sum(revenue_nanos), 0) as revenue,
         coalesce(sum(-revenue_nanos) filter (where kind in ('refund', 'adjustment')), 0) as refunded
       from ledger_transactions
     ) b, (select coalesce(sum(charge_nanos::numeric + written_off_nanos), 0) as recorded from usage_records) r
     where b.revenue <> r.recorded - b.refunded`,
  ),
  law(
    'I8',
    'the state of a hold is what its transactions say',
    `select coalesce(h.request_id, t.request_id) as request_id, h.state, t.kinds, h.held_nanos, t.still_held
     from holds h
     full join (
       select request_id, sum(held_nanos) as still_held, sum(held_nanos) filter (where held_nanos > 0) as set_aside,
         count(*) filter (where kind = 'hold') as holds, count(*) filter (where kind = 'void') as voids,
         count(*) filter (where kind = 'expire') as expiries, count(*) filter (where kind = 'capture') as captures,
         bool_or(late) as late, array_agg(kind order by id) as kinds
       from ledger_transactions where request_id is not null and kind <> 'refund' group by request_id
     ) t using (request_id)
     where case h.state
       when 'authorized' then holds = 1 and voids + expiries + captures = 0 and still_held = h.held_nanos
       when 'voided' then holds = 1 and voids = 1 and expiries + captures = 0 and still_held = 0
       when 'expired' then holds = 1 and expiries = 1 and voids + captures = 0 and still_held = 0
       when 'captured' then holds = 1 and captures = 1 and voids + expiries = late::int and still_held = 0
       else captures = 1 and holds + voids + expiries = 0 and not late and still_held = 0
     end is not true or coalesce(t.set_aside, 0) <> coalesce(h.held_nanos, 0)`,
  ),
  law(
    'I9',
    'a charge is usage times price, rounded up once per unit',
    `select u.attempt_id, u.charge_nanos, u.written_off_nanos, u.price, charge_of_usage(u.input_tokens,
       u.input_cached_tokens, u.output_tokens, u.reasoning_tokens, u.further_usage, u.price) as computed
     from usage_records u
     where u.charge_nanos + u.written_off_nanos > 0
       and charge_of_usage(u.input_tokens, u.input_cached_tokens, u.output_tokens, u.reasoning_tokens, u.further_usage,
         u.price) is distinct from u.charge_nanos + u.written_off_nanos`,
  ),
  law(
    'I9b',
    'a request of which something was used at a price is charged',
    `select u.request_id, sum(charge_of_usage(u.input_tokens, u.input_cached_tokens, u.output_tokens,
       u.reasoning_tokens, u.further_usage, u.price)) as computed
     from usage_records u join ledger_accounts a using (organization_id)
     where not exists (select from holds h where h.request_id = u.request_id and h.superseded)
     group by u.request_id
     having bool_and(u.charge_nanos + u.written_off_nanos = 0) and sum(charge_of_usage(u.input_tokens,
       u.input_cached_tokens, u.output_tokens, u.reasoning_tokens, u.further_usage, u.price)) > 0`,
  ),
  law(
    'I12',
    'each capture has the record of its attempt, and each charged record its capture',
    `select coalesce(u.attempt_id, t.attempt_id) as attempt_id, u.charge_nanos, u.written_off_nanos,
       t.revenue_nanos, t.writeoff_nanos
     from (select * from usage_records where charge_nanos + written_off_nanos > 0) u
     full join (select * from ledger_transactions where kind = 'capture') t using (attempt_id)
     where (u.request_id, u.organization_id, u.late, u.charge_nanos + u.written_off_nanos, -u.written_off_nanos)
       is distinct from (t.request_id, t.organization_id, t.late, t.revenue_nanos, t.writeoff_nanos)`,
  ),
  law(
    'I13',
    'no request gets back more than it was charged',
    `select c.request_id, c.revenue_nanos + c.writeoff_nanos as charged, sum(r.available_nanos) as refunded
     from ledger_transactions r left join ledger_transactions c on c.kind = 'capture' and c.ref = r.request_id
     where r.kind = 'refund' and r.request_id is not null
     group by c.request_id, c.revenue_nanos, c.writeoff_nanos
     having coalesce(c.revenue_nanos + c.writeoff_nanos, 0) < sum(r.available_nanos)`,
  ),
  law(
    'I13b',
    'no organization gets back more than it was charged',
    `select organization_id, charged, refunded
     from (
       select organization_id, coalesce(sum(revenue_nanos + writeoff_nanos) filter (where kind = 'capture'), 0) as charged,
         coalesce(sum(available_nanos) filter (where kind = 'refund'), 0) as refunded
       from ledger_transactions where kind in ('capture', 'refund') group by organization_id
     ) o
     where refunded > charged`,
  ),
];

/** Sums of all that is rolled up, as one array. */
function sumsOf(kind: 'recorded' | 'rolled up'): string {
  const measured = (unit: string): string => `usage_quantity('${unit}', null, measured_usage)`;
  const further = (unit: string): string => `usage_quantity('${unit}', further_usage, measured_usage)`;
  const sums = [['charge_nanos', 'charge_nanos']];
  for (const unit of ['input', 'input_cached', 'output', 'reasoning']) {
    sums.push([`${unit}_tokens`, `${unit}_tokens + ${measured(unit)}`]);
  }
  for (const unit of ['input_audio', 'input_image', 'output_audio', 'output_image']) {
    sums.push([`${unit}_tokens`, further(unit)]);
  }
  for (const unit of mediaUnits) sums.push([unit, further(unit)]);
  return `array[${sums.map(([rolledUp, recorded]) => `sum(${kind === 'recorded' ? recorded : rolledUp})`).join(', ')}]`;
}

/** What hangs on requests: budgets, leases, Idempotency-Keys, roll-ups. */
const surroundings: readonly Invariant[] = [
  law(
    'I10',
    'budget windows hold what open holds reserved, and have spent what was captured',
    `select budget_id, starts_at, w.held_nanos, s.held as open_holds, w.spent_nanos, s.spent as captured
     from budget_windows w
     full join (
       select b.budget_id, b.starts_at, sum(case when h.state = 'authorized' then h.held_nanos else 0 end) as held,
         coalesce(sum(t.revenue_nanos + t.writeoff_nanos), 0) as spent
       from holds h cross join lateral unnest(h.budget_ids, h.budget_windows) as b (budget_id, starts_at)
       left join ledger_transactions t on t.kind = 'capture' and t.ref = h.request_id
       group by b.budget_id, b.starts_at
     ) s using (budget_id, starts_at)
     where w.held_nanos is distinct from coalesce(s.held, 0) or w.spent_nanos is distinct from coalesce(s.spent, 0)`,
  ),
  law(
    'I11',
    'no hold is open long after its lease',
    `select request_id, organization_id, held_nanos, expires_at from holds
     where state = 'authorized' and expires_at < now() - make_interval(secs => :overdue)`,
  ),
  law(
    'I14',
    'one request, and one that was let in, per Idempotency-Key',
    `select i.organization_id, i.endpoint, i.request_id, count(*) over (partition by i.request_id) as keys, h.state
     from idempotency_keys i left join holds h using (request_id, organization_id)
     where h.request_id is null
       or i.request_id in (select request_id from idempotency_keys group by request_id having count(*) > 1)`,
  ),
  law(
    'I15',
    'roll-ups are the sums of the usage records in them',
    `select organization_id, grain, r.sums as rolled_up, u.sums as recorded
     from (
       select organization_id, grain, ${sumsOf('recorded')} as sums
       from usage_records cross join (values ('minute'), ('hour'), ('day')) as g (grain)
       where recorded_xid < (select next_xid from usage_rollup_watermark) group by organization_id, grain
     ) u
     full join (
       select organization_id, grain, ${sumsOf('rolled up')} as sums from usage_rollups group by organization_id, grain
     ) r using (organization_id, grain)
     where r.sums is distinct from u.sums`,
  ),
];

/** Lawful, but somebody should know. */
const notices: readonly Invariant[] = [
  notice(
    'N1',
    'events that nobody could read or store: dead letters',
    `select id, reason, deliveries, created_at, tried_at from dead_letters where resolved_at is null
     order by created_at`,
  ),
  notice(
    'N2',
    'unknown attempts: begun, and never reported',
    `select attempt_id, organization_id, state from (
       select request_id || '#1' as attempt_id, organization_id, state from holds
       where state in ('expired', 'captured')
       union all
       select i.attempt_id, i.organization_id, h.state from attempt_intents i join holds h using (request_id)
       where h.state <> 'authorized'
     ) a
     where not exists (select from usage_records u where u.attempt_id = a.attempt_id)`,
  ),
  notice(
    'N3',
    'write-offs: used, and not covered by hold, balance and overdraft',
    `select attempt_id, organization_id, charge_nanos, written_off_nanos from usage_records
     where written_off_nanos > 0 order by written_off_nanos desc`,
  ),
  notice(
    'N4',
    'usage of organizations that do not exist: recorded, charged to nobody',
    `select attempt_id, organization_id from usage_records u
     where not exists (select from ledger_accounts a where a.organization_id = u.organization_id)`,
  ),
];

/** All of them, in the order in which they are shown. */
export const invariants: readonly Invariant[] = [...books, ...charges, ...surroundings, ...notices];
