// The balance of an organization, and the operator's hand on it.
import { nanosArgument, UsageError } from './arguments.mjs';
import { dollarsOfNanos } from './money.mjs';
import { timeText } from './render.mjs';

const amount = (nanos) => (nanos === null || nanos === undefined ? null : dollarsOfNanos(nanos));

function balanceResult(data) {
  const row = [data.mode, ...['available', 'held', 'overdraft'].map((name) => amount(data[`${name}_nano_usd`]))];
  return { data, columns: ['mode', 'available $', 'held $', 'overdraft $'], rows: [row] };
}

const reference = { reference: { type: 'string' } };

function referenceOf({ reference: text }, what) {
  if (!text) throw new UsageError(`--reference is missing: ${what} that this is (it counts once)`);
  return text;
}

export const billingCommands = [
  {
    name: ['balance'],
    form: 'balance',
    what: 'what is available, held, and may be overdrawn',
    run: async ({ api }) => balanceResult(await api.get('organization/billing')),
  },
  {
    name: ['transactions'],
    form: 'transactions',
    what: 'top-ups, refunds and adjustments, newest first',
    run: async ({ api }) => {
      const data = await api.all('organization/billing/transactions');
      const rows = data.map((one) => [
        timeText(one.created_at),
        one.kind,
        amount(one.amount_nano_usd),
        one.reference,
        one.request_id,
      ]);
      return { data, columns: ['time', 'kind', '$', 'reference', 'request'], rows };
    },
  },
  {
    name: ['billing'],
    form: 'billing --mode prepaid|postpaid [--overdraft DOLLARS]',
    what: 'how the organization pays (operator)',
    options: { mode: { type: 'string' }, overdraft: { type: 'string' } },
    run: async ({ api, options: { mode, overdraft } }) => {
      const body = {
        ...(mode && { mode }),
        ...(overdraft !== undefined && { overdraft_nano_usd: nanosArgument(overdraft) }),
      };
      return balanceResult(await api.post('organization/billing', body));
    },
  },
  {
    name: ['topup'],
    form: 'topup DOLLARS --reference TEXT',
    what: 'money that has arrived; a reference counts once (operator)',
    words: [1],
    options: reference,
    run: async ({ api, words: [dollars], options }) => {
      const body = {
        amount_nano_usd: nanosArgument(dollars),
        reference: referenceOf(options, 'the invoice or payment'),
      };
      const data = await api.post('organization/billing/top_ups', body);
      const [booked, available] = [data.amount_nano_usd, data.available_nano_usd].map(amount);
      return { data, note: `${booked} $ booked, ${available} $ available` };
    },
  },
  {
    name: ['refund'],
    form: 'refund REQUEST_ID DOLLARS --reference TEXT',
    what: 'give back its charge, or a part; a reference counts once (operator)',
    words: [2],
    options: reference,
    run: async ({ api, words: [requestId, dollars], options }) => {
      const body = {
        request_id: requestId,
        amount_nano_usd: nanosArgument(dollars),
        reference: referenceOf(options, 'the complaint or decision'),
      };
      const data = await api.post('organization/billing/refunds', body);
      const [back, available] = [data.amount_nano_usd, data.available_nano_usd].map(amount);
      return { data, note: `${back} $ given back, ${available} $ available` };
    },
  },
];
