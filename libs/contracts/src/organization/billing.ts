import { z } from 'zod';
import { nanoUsd, positiveNanoUsd } from './fields.js';
import { billingModes } from './organizations.js';
import { listQuery } from './paging.js';
import { defineOrganizationRoute, type OrganizationRoute } from './route.js';

const referenceForm = 'must have 1 to 200 visible ASCII characters and no space';
/** Names a payment in the operator's own books: the same reference is booked once. */
const reference = z.string(referenceForm).regex(/^[\x21-\x7e]{1,200}$/, referenceForm);

/** Body of `billing.update`. */
export const billingTermsBody = z
  .strictObject({ mode: billingModes.optional(), overdraft_nano_usd: nanoUsd.optional() })
  .refine((body) => Object.keys(body).length > 0, 'must name what changes: `mode` or `overdraft_nano_usd`')
  .refine((body) => body.mode !== 'postpaid' || body.overdraft_nano_usd === undefined, {
    path: ['overdraft_nano_usd'],
    message: 'is for prepaid organizations; a postpaid one has no floor',
  });
/** Body of `billing.top_up`. */
export const topUpBody = z.strictObject({ amount_nano_usd: positiveNanoUsd, reference });
/** Body of `billing.refund`. */
export const refundBody = z.strictObject({
  amount_nano_usd: positiveNanoUsd,
  reference,
  /** The request whose charge is reversed. Money that is given for none, as for goodwill, is a top-up. */
  request_id: z.string('is no request id').regex(/^[\x21-\x7e]{1,100}$/, 'is no request id'),
});

/** The balance of an organization. */
export interface BillingObject {
  readonly object: 'organization.billing';
  readonly mode: 'prepaid' | 'postpaid';
  readonly available_nano_usd: string;
  readonly held_nano_usd: string;
  /** How far below zero the balance may go; null: postpaid, there is no floor. */
  readonly overdraft_nano_usd: string | null;
}

/** Money that came or went other than by a request, newest first: with charges, they explain the balance. */
export interface BillingTransactionObject {
  readonly id: string;
  readonly object: 'organization.billing.transaction';
  readonly kind: 'top_up' | 'refund' | 'adjustment';
  /** Added to the balance; an adjustment may be negative. */
  readonly amount_nano_usd: string;
  readonly reference: string;
  /** Of a refund: the request whose charge it reversed. */
  readonly request_id: string | null;
  /** Unix seconds. */
  readonly created_at: number;
}

const path = '/v1/organization/billing';

/** Balance, top-ups and refunds. Only the operator moves money. */
export const billingRoutes: readonly OrganizationRoute[] = [
  defineOrganizationRoute({
    id: 'billing.retrieve',
    method: 'GET',
    path,
    access: 'admin',
    summary: 'Retrieve the balance.',
  }),
  defineOrganizationRoute({
    id: 'billing.update',
    method: 'POST',
    path,
    access: 'operator',
    body: billingTermsBody,
    summary: 'Change how the organization pays.',
  }),
  defineOrganizationRoute({
    id: 'billing.top_up',
    method: 'POST',
    path: `${path}/top_ups`,
    access: 'operator',
    body: topUpBody,
    summary: 'Add money. The same reference is booked once.',
  }),
  defineOrganizationRoute({
    id: 'billing.refund',
    method: 'POST',
    path: `${path}/refunds`,
    access: 'operator',
    body: refundBody,
    summary:
      'Give back the charge of a request, or a part of it. Goodwill beyond charges is a top-up. The same reference is booked once.',
  }),
  defineOrganizationRoute({
    id: 'billing.transactions.list',
    method: 'GET',
    path: `${path}/transactions`,
    access: 'admin',
    query: listQuery,
    summary: 'List top-ups, refunds and adjustments, newest first.',
  }),
];
