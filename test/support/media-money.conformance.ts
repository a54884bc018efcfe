import { beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import OpenAI from 'openai';
import { squarePng } from './media-files.js';
import { pricedCalls as calls, type Uploads, wav } from './media-priced-calls.js';
import { sentence } from './media-session.js';
import type { AdminTarget } from './openai-sdk-admin.conformance.js';

const costHeader = 'x-modapi-cost-nano-usd';
const patienceMs = 20_000;

const sum = calls.reduce((total, { nanos }) => total + nanos, 0n);

interface Balance {
  readonly available: bigint;
  readonly held: bigint;
}

async function until<Value>(ask: () => Promise<Value>, holds: (value: Value) => boolean): Promise<Value> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const value = await ask();
    if (holds(value) || performance.now() > deadline) return value;
    await delay(50);
  }
}

/** One organization whose money is in advance. */
class PrepaidOrganization {
  private constructor(
    private readonly target: AdminTarget,
    private readonly id: string,
    private readonly adminKey: string,
    readonly client: OpenAI,
  ) {}

  static async found(target: AdminTarget, nanos: bigint): Promise<PrepaidOrganization> {
    const made = await send<{ id: string; default_project_id: string; admin_api_key: { value: string } }>(
      target,
      { key: target.adminKey, path: 'organizations' },
      { name: 'Prepaid media', mode: 'prepaid' },
    );
    const path = `organization/projects/${made.default_project_id}/api_keys`;
    const adminKey = made.admin_api_key.value;
    const { value } = await send<{ value: string }>(target, { key: adminKey, path }, { name: 'media' });
    const topUp = { key: target.adminKey, path: 'organization/billing/top_ups', organization: made.id };
    await send(target, topUp, { amount_nano_usd: String(nanos), reference: `first-${made.id}` });
    const client = new OpenAI({ apiKey: value, baseURL: target.baseUrl, maxRetries: 0 });
    return new PrepaidOrganization(target, made.id, adminKey, client);
  }

  /** When nothing is under way any more. */
  settled(): Promise<Balance> {
    return until(
      () => this.balance(),
      ({ held }) => held === 0n,
    );
  }

  private async balance(): Promise<Balance> {
    const billing = await send<{ available_nano_usd: string; held_nano_usd: string }>(this.target, {
      key: this.adminKey,
      path: 'organization/billing',
    });
    return { available: BigInt(billing.available_nano_usd), held: BigInt(billing.held_nano_usd) };
  }
}

interface Sending {
  readonly key: string;
  readonly path: string;
  readonly organization?: string;
}

async function send<Result>({ baseUrl }: AdminTarget, sending: Sending, body?: object): Promise<Result> {
  const { key, path, organization } = sending;
  const response = await fetch(`${baseUrl}/${path}`, {
    method: body ? 'POST' : 'GET',
    headers: {
      authorization: `Bearer ${key}`,
      ...(body && { 'content-type': 'application/json' }),
      ...(organization !== undefined && { 'openai-organization': organization }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as Result;
}

/** Usage and money of every unit: headers, ledger, reports, balances. */
export function describeMediaMoney(name: string, target: () => AdminTarget): void {
  describe(`money of media against ${name}`, () => {
    let uploads: Uploads;
    let organization: OpenAI['admin']['organization'];

    beforeAll(async () => {
      const { baseUrl, apiKey, adminKey } = target();
      ({ organization } = new OpenAI({ adminAPIKey: adminKey, apiKey: null, baseURL: baseUrl, maxRetries: 0 }).admin);
      const client = new OpenAI({ apiKey, baseURL: baseUrl, maxRetries: 0 });
      const spoken = { model: 'sandbox/speech', voice: 'alloy', input: sentence, response_format: 'wav' } as const;
      const wavFile = Buffer.from(await (await client.audio.speech.create(spoken)).arrayBuffer());
      uploads = { wav: wavFile, png: await squarePng(256) };
    });

    it('charges and reports each unit as counted by hand', async () => {
      const { id: project } = await organization.projects.create({ name: 'Media' });
      const robot = await organization.projects.serviceAccounts.create(project, { name: 'Robot' });
      const { baseUrl } = target();
      const client = new OpenAI({ apiKey: robot.api_key!.value, baseURL: baseUrl, maxRetries: 0 });
      let charged = 0n;
      for (const { unit, nanos, isTold, ask } of calls) {
        const response = await ask(client, uploads);
        const told = response.headers.get(costHeader);
        expect(`${unit}: ${told}`).toBe(`${unit}: ${isTold ? nanos : null}`);
        charged += nanos;
        const booked = await until(
          () => target().chargedNanos(project),
          (value) => value >= charged,
        );
        expect(`${unit}: ${booked}`).toBe(`${unit}: ${charged}`);
      }

      const range = { start_time: Math.floor(Date.now() / 1_000) - 86_400, project_ids: [project] };
      const { usage } = organization;
      const costs = await usage.costs({ ...range, group_by: ['line_item'] });
      const items = costs.data.flatMap(({ results }) => results as { amount?: { nano_usd: string } }[]);
      expect(items.reduce((total, { amount }) => total + BigInt(amount?.nano_usd ?? 0), 0n)).toBe(sum);
      expect(items.length).toBeGreaterThan(8);

      const total = (page: { data: { results: object[] }[] }, member: string) =>
        page.data
          .flatMap(({ results }) => results as Record<string, number>[])
          .reduce((all, result) => all + (result[member] ?? 0), 0);
      expect(total(await usage.embeddings(range), 'input_tokens')).toBeGreaterThanOrEqual(1_000);
      const embedded = await usage.embeddings({ ...range, models: ['sandbox/embedding'] });
      expect(total(embedded, 'input_tokens')).toBe(1_000);
      const spoken = await usage.audioSpeeches({ ...range, models: ['sandbox/speech'] });
      expect(total(spoken, 'characters')).toBe(8);
      // Whatever the price is by: two more texts of 50 characters.
      const allSpoken = await usage.audioSpeeches(range);
      expect([total(allSpoken, 'characters'), total(allSpoken, 'num_model_requests')]).toEqual([108, 3]);
      const heard = await usage.audioTranscriptions({ ...range, models: ['sandbox/whisper'] });
      expect([total(heard, 'seconds'), total(heard, 'num_model_requests')]).toEqual([8, 2]);
      const allHeard = await usage.audioTranscriptions(range);
      expect([total(allHeard, 'seconds'), total(allHeard, 'num_model_requests')]).toEqual([16, 4]);
      const drawings = await usage.images({ ...range, models: ['sandbox/image-sized'] });
      expect([total(drawings, 'images'), total(drawings, 'num_model_requests')]).toEqual([4, 2]);
      expect(total(await usage.images(range), 'num_model_requests')).toBe(6);
    }, 60_000);

    it('takes from a prepaid balance what each costs, and gives back the rest of what was held', async () => {
      const enough = 10_000_000_000n;
      const tenant = await PrepaidOrganization.found(target(), enough);
      let left = enough;
      for (const { unit, nanos, ask } of calls) {
        await ask(tenant.client, uploads);
        left -= nanos;
        expect({ unit, ...(await tenant.settled()) }).toEqual({ unit, available: left, held: 0n });
      }
    }, 60_000);

    it('lets in what the balance pays to the last nano-dollar, and nothing that it does not', async () => {
      const asked = {
        ...{ model: 'sandbox/image-sized', prompt: 'A quiet harbour', n: 2 },
        ...({ size: '1024x1024', quality: 'hd' } as const),
      };
      const short = await PrepaidOrganization.found(target(), 159_999_999n);
      const refused = short.client.images.generate(asked);
      await expect(refused).rejects.toMatchObject({ status: 429, code: 'insufficient_quota' });
      expect(await short.settled()).toEqual({ available: 159_999_999n, held: 0n });
      const exact = await PrepaidOrganization.found(target(), 160_000_000n);
      expect((await exact.client.images.generate(asked)).data).toHaveLength(2);
      expect(await exact.settled()).toEqual({ available: 0n, held: 0n });
      const spoken = { model: 'sandbox/speech', voice: 'nova', input: 'Hello.' };
      await expect(exact.client.audio.speech.create(spoken)).rejects.toMatchObject({
        status: 429,
        code: 'insufficient_quota',
      });
      const file = await wav(uploads);
      const heard = exact.client.audio.transcriptions.create({ model: 'sandbox/whisper', file });
      await expect(heard).rejects.toMatchObject({ status: 429, code: 'insufficient_quota' });
    });
  });
}
