import { Injectable } from '@nestjs/common';
import { type BillingObject, billingTermsBody, GatewayError, refundBody, topUpBody } from '#libs/contracts';
import { unixSeconds } from '../keys/owned-rows.js';
import { type Balance, type CreditResult, Ledger, type Terms } from '../ledger/ledger.js';
import { listTransactions } from './billing-transactions.js';
import { noSuchObject } from './call-validation.js';
import type { HandlerGroup, OrganizationCall } from './handler-group.js';

/** The balance, and the operator's hand on it. The rules are the ledger's; here they get their HTTP shape. */
@Injectable()
export class BillingHandlers implements HandlerGroup {
  readonly handlers = {
    'billing.retrieve': async (call: OrganizationCall) => billingOf(await this.balance(call)),
    'billing.update': (call: OrganizationCall) => this.update(call),
    'billing.top_up': (call: OrganizationCall) => this.topUp(call),
    'billing.refund': (call: OrganizationCall) => this.refund(call),
    'billing.transactions.list': listTransactions,
  };

  constructor(private readonly ledger: Ledger) {}

  private async balance(call: OrganizationCall): Promise<Balance> {
    const balance = await this.ledger.balance(call.manager, call.organizationId);
    if (!balance) throw noSuchObject('organization');
    return balance;
  }

  private async update(call: OrganizationCall): Promise<BillingObject> {
    const body = billingTermsBody.parse(call.body);
    // Two changes at once must not mix: what is left out stays as it is.
    await call.manager.query(`select from ledger_accounts where organization_id = $1 for update`, [
      call.organizationId,
    ]);
    const terms = termsOf(await this.balance(call), body);
    const result = await this.ledger.setTerms(call.manager, terms);
    if (result.outcome === 'unknown_organization') throw noSuchObject('organization');
    if (result.outcome === 'top_up_needed') {
      const message = `The balance is ${result.missingNanos} nano-dollars below that floor. Top up that much first, or allow a larger overdraft.`;
      throw new GatewayError('conflict', message, { param: body.mode ? 'mode' : 'overdraft_nano_usd' });
    }
    call.audit({ type: 'organization.updated', details: { id: call.organizationId, changes_requested: body } });
    call.forgetKeys({ organizationId: call.organizationId });
    return billingOf(await this.balance(call));
  }

  private async topUp(call: OrganizationCall): Promise<object> {
    const { amount_nano_usd: amount, reference } = topUpBody.parse(call.body);
    const credit = { organizationId: call.organizationId, amountNanos: BigInt(amount), reference };
    const result = await booked(() => this.ledger.topUp(call.manager, credit));
    return creditAnswer(call, 'top_up', result, { amount_nano_usd: amount, reference });
  }

  private async refund(call: OrganizationCall): Promise<object> {
    const { amount_nano_usd: amount, reference, request_id: requestId } = refundBody.parse(call.body);
    const credit = { organizationId: call.organizationId, amountNanos: BigInt(amount), reference };
    const result = await booked(() => this.ledger.refund(call.manager, { ...credit, requestId }));
    if (result.outcome === 'not_charged') {
      const message = 'No charge of this request is known in this organization. Check the id; goodwill is a top-up.';
      throw new GatewayError('not_found', message, { param: 'request_id' });
    }
    if (result.outcome === 'exceeds_charge') {
      const message = `Of this request's charge ${result.refundableNanos} nano-dollars can still be given back; what you give beyond that is a top-up.`;
      throw new GatewayError('conflict', message, { param: 'amount_nano_usd' });
    }
    const details = { amount_nano_usd: amount, reference, request_id: requestId };
    return creditAnswer(call, 'refund', result, details);
  }
}

/** A balance has 63 bits. */
async function booked<Result>(book: () => Promise<Result>): Promise<Result> {
  try {
    return await book();
  } catch (error) {
    if ((error as { code?: unknown }).code !== '22003') throw error;
    const message = 'Invalid `amount_nano_usd`: the balance would be larger than this gateway can count.';
    throw new GatewayError('invalid_value', message, { param: 'amount_nano_usd', cause: error });
  }
}

async function creditAnswer(
  call: OrganizationCall,
  kind: 'top_up' | 'refund',
  result: CreditResult,
  details: { readonly amount_nano_usd: string; readonly reference: string },
): Promise<object> {
  if (result.outcome === 'unknown_organization') throw noSuchObject('organization');
  if (result.outcome === 'differs') {
    const message = `This reference was booked before as ${kind}_${result.transactionId} with ${result.bookedNanos} nano-dollars. Send the same again, or another reference.`;
    throw new GatewayError('conflict', message, { param: 'reference' });
  }
  const id = `${kind}_${result.transactionId}`;
  const [row] = await call.manager.query<[{ created_at: Date }]>(
    `select created_at from ledger_transactions where id = $1`,
    [String(result.transactionId)],
  );
  if (result.outcome === 'done') call.audit({ type: `billing.${kind}`, details: { id, ...details } });
  return {
    object: `organization.billing.${kind}`,
    id,
    ...details,
    created_at: unixSeconds(row.created_at),
    available_nano_usd: String(result.availableNanos),
  };
}

interface TermsBody {
  readonly mode?: Balance['billingMode'] | undefined;
  readonly overdraft_nano_usd?: string | undefined;
}

function termsOf(now: Balance, body: TermsBody): Terms {
  const { organizationId } = now;
  const billingMode = body.mode ?? now.billingMode;
  if (billingMode === 'prepaid') {
    const overdraftNanos = body.overdraft_nano_usd === undefined ? now.overdraftNanos : BigInt(body.overdraft_nano_usd);
    return { organizationId, billingMode, overdraftNanos: overdraftNanos ?? 0n };
  }
  if (body.overdraft_nano_usd !== undefined) {
    const message = 'Invalid `overdraft_nano_usd`: this organization is postpaid and has no floor. Send `mode` too.';
    throw new GatewayError('invalid_value', message, { param: 'overdraft_nano_usd' });
  }
  return { organizationId, billingMode };
}

function billingOf(balance: Balance): BillingObject {
  return {
    object: 'organization.billing',
    mode: balance.billingMode,
    available_nano_usd: String(balance.availableNanos),
    held_nano_usd: String(balance.heldNanos),
    overdraft_nano_usd: balance.overdraftNanos === null ? null : String(balance.overdraftNanos),
  };
}
