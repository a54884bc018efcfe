import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { buildCatalog, fitUsage, wirePrice } from '#libs/catalog';
import {
  costsQuery,
  gatewayConfig,
  isUsageUnit,
  mediaUnits,
  type Usage,
  usageKinds,
  usageQueryOf,
  type UsageUnit,
} from '#libs/contracts';
import { checkLedger } from '../ledger/check-ledger.js';
import { LedgerFixture } from '../ledger/testing/ledger-fixture.js';
import { readCosts } from '../reports/costs-report.js';
import { UsageRollup } from '../reports/usage-rollup.js';
import { readUsage } from '../reports/usage-report.js';
import { UsageStore } from './usage.store.js';

/** One call of the table in docs/charging.md. */
interface CallByHand {
  readonly id: string;
  readonly endpoint: string;
  /** As in modapi.yaml. */
  readonly price: Record<string, unknown>;
  readonly usage: Usage;
  readonly measured: Usage;
  readonly lines: { readonly unit: string; readonly exact: string; readonly charged: bigint }[];
  charge: bigint;
}

const document = readFileSync(new URL('../../../../docs/charging.md', import.meta.url), 'utf8');
const number = (text: string): string => text.replaceAll(/[,*]/g, '');

function unitOf(text: string): UsageUnit {
  const unit = text.replaceAll('`', '');
  if (!isUsageUnit(unit)) throw new Error(`the table has no unit ${text}`);
  return unit;
}

/** `images.1024x1024/high: 0.167` → `{images: {1024x1024/high: 0.167}}`; "as another" adds nothing. */
function addPrice(price: Record<string, unknown>, text: string): void {
  const [, word, variant, dollars] = /^`(\w+)(?:\.([\w./x-]+))?: ([\d.]+)`$/.exec(text) ?? [];
  if (word === undefined) expect(text).toMatch(/^as `\w+`$/);
  else price[word] = variant === undefined ? dollars : { [variant]: dollars };
}

function callsByHand(): CallByHand[] {
  const calls = new Map<string, CallByHand>();
  const table = /## Every unit by hand[\s\S]*?(?=\n## )/.exec(document)?.[0] ?? '';
  for (const line of table.split('\n').filter((text) => /^\| \d/.test(text))) {
    const [, id = '', endpoint = '', unit = '', quantity = '', price = '', exact = '', charged = ''] = line
      .split('|')
      .map((cell) => cell.trim());
    const call = calls.get(id) ?? { id, endpoint, price: {}, usage: {}, measured: {}, lines: [], charge: 0n };
    calls.set(id, call);
    if (unit === 'sum') {
      call.charge = BigInt(number(charged));
    } else if (charged === 'only reported') {
      call.measured[unitOf(unit)] = Number(number(quantity));
    } else {
      call.usage[unitOf(unit)] = Number(number(quantity));
      addPrice(call.price, price);
      call.lines.push({ unit, exact: number(exact), charged: BigInt(number(charged)) });
    }
  }
  return [...calls.values()];
}

const calls = callsByHand();
const finishedAt = Date.UTC(2026, 0, 5, 12);
const available = 10n ** 12n;
let fixture: LedgerFixture;
let organization: string;

beforeAll(async () => {
  fixture = await LedgerFixture.open();
  organization = await fixture.organization('prepaid', { available });
}, 30_000);
afterAll(() => fixture?.close());

/** As the gateway reads it from modapi.yaml. */
function priceOf({ price }: CallByHand) {
  const provider = { preset: 'openai-compatible', baseUrl: 'http://127.0.0.1:1/v1' };
  const models = [{ id: 'm', deployments: [{ provider: 'mine', price }] }];
  const config = gatewayConfig.parse({ apiVersion: 'modapi/v1', providers: { mine: provider }, models });
  const { value, problems } = buildCatalog(config, { sandbox: false });
  expect(problems).toEqual([]);
  const built = value.find('m')?.deployments[0]?.price;
  if (!built) throw new Error('no price');
  return built;
}

const range = { start_time: String(finishedAt / 1_000 - 60), end_time: String(finishedAt / 1_000 + 86_400) };
const context = () => ({ manager: fixture.database.manager, organizationId: organization, nowMs: finishedAt + 60_000 });

async function reported(kindId: string, query: object = {}): Promise<Record<string, unknown>[]> {
  const kind = usageKinds.find(({ id }) => id === kindId);
  if (!kind) throw new Error(`no kind ${kindId}`);
  const page = await readUsage(context(), kind, usageQueryOf(kind).parse({ ...range, ...query }));
  return page.data.flatMap(({ results }) => results.map((result) => ({ ...result })));
}

describe('docs/charging.md, every unit by hand', () => {
  it('has every unit, and each line is rounded up once', () => {
    const units = new Set(calls.flatMap(({ usage }) => Object.keys(usage).map((unit) => unit.split(':')[0])));
    expect([...units]).toEqual(expect.arrayContaining([...mediaUnits, 'input_audio', 'output_audio', 'output_image']));
    for (const { lines, charge } of calls) {
      for (const { exact, charged } of lines) {
        const [whole = '', fraction] = exact.split('.');
        expect(charged).toBe(BigInt(whole) + (fraction === undefined ? 0n : 1n));
      }
      expect(lines.reduce((sum, { charged }) => sum + charged, 0n)).toBe(charge);
    }
  });

  it.each(calls.map((call) => [`${call.id}, ${call.endpoint}`, call] as const))(
    'is what is settled: call %s',
    async (_name, call) => {
      const price = priceOf(call);
      // As a worker does it: all that was counted, and the price decides.
      const { usage, measured } = fitUsage({ ...call.measured, ...call.usage }, price);
      expect({ usage, measured }).toEqual({ usage: call.usage, measured: call.measured });
      const before = await fixture.account(organization);
      const wire = wirePrice(price);
      const request = await fixture.hold(organization, { nanos: Number(call.charge) + 1_000, price: wire });
      const event = fixture.event(organization, 0, {
        ...{ request_id: request, endpoint: call.endpoint, model: `call-${call.id}`, usage, measured, price: wire },
        ...{ content_delivered: true, held: true, finished_at: finishedAt },
      });
      const { settlements, deadLetters } = await new UsageStore(fixture.database).store([
        { subject: 'usage.v1.attempt.finished', event, deliveries: 1 },
      ]);
      expect(deadLetters).toEqual([]);
      expect(settlements).toMatchObject([{ chargeNanos: call.charge, writtenOffNanos: 0n, late: false }]);
      const [record] = await fixture.database.query<Record<string, unknown>[]>(
        `select u.charge_nanos, u.input_tokens, u.output_tokens, u.further_usage, u.measured_usage, t.revenue_nanos,
           t.held_nanos, h.state from usage_records u
         join ledger_transactions t on t.kind = 'capture' and t.ref = u.request_id
         join holds h on h.request_id = u.request_id
         where u.request_id = $1`,
        [request],
      );
      const { input = 0, input_cached: _cached, output = 0, reasoning: _reasoning, ...further } = call.usage;
      const orNull = (counted: Usage) => (Object.keys(counted).length === 0 ? null : counted);
      expect(record).toEqual({
        charge_nanos: String(call.charge),
        input_tokens: String(input),
        output_tokens: String(output),
        further_usage: orNull(further),
        measured_usage: orNull(call.measured),
        revenue_nanos: String(call.charge),
        held_nanos: String(-(call.charge + 1_000n)),
        state: 'captured',
      });
      expect(await fixture.account(organization)).toEqual({ available: before.available - call.charge, held: 0n });
    },
  );

  const totals = calls.reduce((sum, { charge }) => sum + charge, 0n);
  const quantities = (endpoint: RegExp, unit: RegExp): number =>
    calls
      .filter((call) => endpoint.test(call.endpoint))
      .flatMap((call) => [...Object.entries(call.usage), ...Object.entries(call.measured)])
      .reduce((sum, [name, quantity]) => (unit.test(name) ? sum + (quantity ?? 0) : sum), 0);

  it.each(['not yet rolled up', 'rolled up'])('is what the reports tell, %s', async (state) => {
    if (state === 'rolled up') while (await new UsageRollup(fixture.database).step());
    const query = costsQuery.parse({ ...range, 'group_by[]': 'line_item' });
    const costs = (await readCosts(context(), query)).data.flatMap(({ results }) => results);
    expect(Object.fromEntries(costs.map(({ line_item: item, amount }) => [item, amount.nano_usd]))).toEqual(
      Object.fromEntries(calls.map(({ id, charge }) => [`call-${id}`, String(charge)])),
    );
    expect((await fixture.account(organization)).available).toBe(available - totals);

    const chat = /^chat/;
    expect(await reported('completions')).toMatchObject([
      {
        num_model_requests: 3,
        input_tokens: quantities(chat, /^input/),
        output_tokens: quantities(chat, /^(output|reasoning)/),
        input_audio_tokens: 625,
        input_image_tokens: 765,
        output_audio_tokens: 812,
      },
    ]);
    expect(await reported('embeddings')).toMatchObject([{ num_model_requests: 2, input_tokens: 1_537 + 2_210 }]);
    expect(await reported('audio_speeches')).toMatchObject([{ characters: quantities(/speech/, /^characters/) }]);
    expect(await reported('audio_transcriptions')).toMatchObject([
      { num_model_requests: 3, seconds: quantities(/transcriptions|translations/, /^seconds/) },
    ]);
    const images = await reported('images', { 'group_by[]': ['size', 'source'] });
    expect(images.map(({ size, source, images: count }) => [source, size, count])).toEqual(
      expect.arrayContaining([
        ['image.generation', '1024x1024', 5],
        ['image.edit', '1024x1024', 1],
        ['image.variation', '512x512', 2],
      ]),
    );
    expect(images).toHaveLength(3);
    const filters = { 'sizes[]': '1024x1024', 'sources[]': ['image.edit', 'image.variation'] };
    expect(await reported('images', filters)).toMatchObject([{ images: 1, size: null, source: null }]);
    expect(await reported('images', { 'sources[]': 'image.nothing' })).toEqual([]);
  });

  it('leaves the books in order', async () => {
    const wrong = (await checkLedger(fixture.postgres.url)).filter(
      ({ level, count }) => level === 'violation' && count > 0,
    );
    expect(wrong).toEqual([]);
  });
});
