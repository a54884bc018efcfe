import { type BillingTransactionObject, GatewayError, type ListPage, listQuery } from '#libs/contracts';
import { unixSeconds } from '../keys/owned-rows.js';
import { pageOf } from '../keys/row-page.js';
import type { OrganizationCall } from './handler-group.js';

interface TransactionRow {
  readonly id: string;
  readonly kind: BillingTransactionObject['kind'];
  readonly ref: string;
  readonly request_id: string | null;
  readonly available_nanos: string;
  readonly created_at: Date;
}

/** The condition of the index that this list is read from; charges are in the usage and cost reports. */
const credits = `t.kind in ('top_up', 'refund', 'adjustment')`;

/** One page of what came or went other than by a request, by key set (created_at, id). */
export async function listTransactions(call: OrganizationCall): Promise<ListPage<BillingTransactionObject>> {
  const { after, order, limit } = listQuery.parse(call.query);
  const values: unknown[] = [call.organizationId, limit + 1];
  let beyond = '';
  if (after !== undefined) {
    values.push(await transactionIdOf(call, after));
    beyond = `and (t.created_at, t.id) ${order === 'asc' ? '>' : '<'}
      (select c.created_at, c.id from ledger_transactions c where c.id = $3)`;
  }
  const rows = await call.manager.query<TransactionRow[]>(
    `select t.id, t.kind, t.ref, t.request_id, t.available_nanos, t.created_at from ledger_transactions t
     where t.organization_id = $1 and ${credits} ${beyond} order by t.created_at ${order}, t.id ${order} limit $2`,
    values,
  );
  return pageOf(rows.slice(0, limit).map(transactionOf(call.organizationId)), rows.length > limit);
}

/** The number in `top_up_17`, if this organization has such a transaction. */
async function transactionIdOf(call: OrganizationCall, cursor: string): Promise<string> {
  const { kind, id } = /^(?<kind>top_up|refund|adjustment)_(?<id>[1-9]\d{0,17})$/.exec(cursor)?.groups ?? {};
  const found =
    id !== undefined &&
    (await call.manager.query<unknown[]>(
      `select from ledger_transactions t where t.id = $1 and t.kind = $2 and t.organization_id = $3`,
      [id, kind, call.organizationId],
    ));
  if (id !== undefined && found && found.length > 0) return id;
  const message = '`after` names no object of this list. Use the `last_id` of the page before, or leave it out.';
  throw new GatewayError('invalid_value', message, { param: 'after' });
}

function transactionOf(organizationId: string): (row: TransactionRow) => BillingTransactionObject {
  return (row) => ({
    id: `${row.kind}_${row.id}`,
    object: 'organization.billing.transaction',
    kind: row.kind,
    amount_nano_usd: row.available_nanos,
    // References are unique within an organization only: it stands before each.
    reference: row.ref.slice(organizationId.length + 1),
    request_id: row.request_id,
    created_at: unixSeconds(row.created_at),
  });
}
