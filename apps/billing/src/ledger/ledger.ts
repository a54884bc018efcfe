import { Injectable } from '@nestjs/common';
import type { DataSource, EntityManager } from 'typeorm';

/** Whoever runs the statement: inside a transaction, or each call one of its own. */
export type LedgerDatabase = Pick<EntityManager | DataSource, 'query'>;

/** How an organization stands. */
export interface Balance {
  readonly organizationId: string;
  readonly billingMode: 'prepaid' | 'postpaid';
  /** Can be spent, besides the overdraft; what holds set aside is not in it. Below zero: owed. */
  readonly availableNanos: bigint;
  readonly heldNanos: bigint;
  /** How far below zero a prepaid organization may go; null: postpaid, there is no floor. */
  readonly overdraftNanos: bigint | null;
}

/** Money that is added under a name: the same reference is booked once, however often it is sent. */
export interface Credit {
  readonly organizationId: string;
  /** More than zero. */
  readonly amountNanos: bigint;
  /** The caller's: a payment's id, a ticket. */
  readonly reference: string;
}

/** What became of a top-up or refund; `repeated`: it had been booked before, nothing changed. */
export type CreditResult =
  | { readonly outcome: 'done' | 'repeated'; readonly transactionId: bigint; readonly availableNanos: bigint }
  /** The reference was used before for another amount or another request. */
  | { readonly outcome: 'differs'; readonly transactionId: bigint; readonly bookedNanos: bigint }
  | { readonly outcome: 'unknown_organization' };

export type RefundResult =
  | CreditResult
  /** No charge of this request is known. */
  | { readonly outcome: 'not_charged' }
  /** More than what the request was charged and has not got back. */
  | { readonly outcome: 'exceeds_charge'; readonly refundableNanos: bigint };

/** How an organization is to pay; without an overdraft a prepaid one stops at zero. */
export type Terms =
  | { readonly organizationId: string; readonly billingMode: 'postpaid' }
  | { readonly organizationId: string; readonly billingMode: 'prepaid'; readonly overdraftNanos?: bigint };

export type TermsResult =
  | { readonly outcome: 'done' }
  /** The balance is below the new floor: so much must come in first. */
  | { readonly outcome: 'top_up_needed'; readonly missingNanos: bigint }
  | { readonly outcome: 'unknown_organization' };

interface CreditRow {
  readonly outcome: CreditResult['outcome'] | 'not_charged' | 'exceeds_charge';
  readonly transaction_id: string | null;
  readonly available_nanos: string | null;
  readonly limit_nanos: string | null;
}

/** Money that people move: top-ups, refunds, terms. The rules are functions in Postgres, one round trip each. */
@Injectable()
export class Ledger {
  /** Money came in. */
  async topUp(database: LedgerDatabase, credit: Credit): Promise<CreditResult> {
    const { organizationId, amountNanos, reference } = credit;
    const sql = 'select * from ledger_top_up($1, $2, $3)';
    return creditResultOf(await oneRow<CreditRow>(database, sql, [organizationId, String(amountNanos), reference]));
  }

  /** Reverses the charge of a request, or a part of it; what is given for another reason is a top-up. */
  async refund(database: LedgerDatabase, credit: Credit & { readonly requestId: string }): Promise<RefundResult> {
    const { organizationId, amountNanos, reference, requestId } = credit;
    const sql = 'select * from ledger_refund($1, $2, $3, $4)';
    const values = [organizationId, String(amountNanos), reference, requestId];
    const row = await oneRow<CreditRow>(database, sql, values);
    if (row.outcome === 'not_charged') return { outcome: 'not_charged' };
    if (row.outcome === 'exceeds_charge') return { outcome: row.outcome, refundableNanos: bigintOf(row.limit_nanos) };
    return creditResultOf(row);
  }

  async setTerms(database: LedgerDatabase, terms: Terms): Promise<TermsResult> {
    const overdraft = terms.billingMode === 'prepaid' ? String(terms.overdraftNanos ?? 0n) : null;
    const { outcome, missing_nanos } = await oneRow<{
      outcome: TermsResult['outcome'];
      missing_nanos: string | null;
    }>(database, 'select * from ledger_set_terms($1, $2, $3)', [terms.organizationId, terms.billingMode, overdraft]);
    return outcome === 'top_up_needed' ? { outcome, missingNanos: bigintOf(missing_nanos) } : { outcome };
  }

  /** undefined: there is no such organization. */
  async balance(database: LedgerDatabase, organizationId: string): Promise<Balance | undefined> {
    const [row] = (await database.query('select * from ledger_balance($1)', [organizationId])) as {
      billing_mode: Balance['billingMode'];
      available_nanos: string;
      held_nanos: string;
      overdraft_nanos: string | null;
    }[];
    if (row === undefined) return undefined;
    return {
      organizationId,
      billingMode: row.billing_mode,
      availableNanos: BigInt(row.available_nanos),
      heldNanos: BigInt(row.held_nanos),
      overdraftNanos: row.overdraft_nanos === null ? null : BigInt(row.overdraft_nanos),
    };
  }
}

function creditResultOf(row: CreditRow): CreditResult {
  if (row.outcome === 'done' || row.outcome === 'repeated') {
    const { outcome, transaction_id: id, available_nanos: available } = row;
    return { outcome, transactionId: bigintOf(id), availableNanos: bigintOf(available) };
  }
  if (row.outcome === 'differs') {
    const { outcome, transaction_id: id, limit_nanos: booked } = row;
    return { outcome, transactionId: bigintOf(id), bookedNanos: bigintOf(booked) };
  }
  return { outcome: 'unknown_organization' };
}

async function oneRow<Row>(database: LedgerDatabase, sql: string, values: readonly unknown[]): Promise<Row> {
  const [row] = (await database.query(sql, [...values])) as Row[];
  if (row === undefined) throw new Error('the ledger gave no answer');
  return row;
}

function bigintOf(text: string | null): bigint {
  if (text === null) throw new Error('the ledger left an amount out');
  return BigInt(text);
}
