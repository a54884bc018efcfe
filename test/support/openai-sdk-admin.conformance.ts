import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import OpenAI from 'openai';
import { question, type Target } from './sdk-target.js';

/** A gateway, and a look at its ledger. */
export interface AdminTarget extends Target {
  adminKey: string;
  /** What all charges of one project add up to, in nano-dollars. */
  chargedNanos(projectId: string): Promise<bigint>;
}

const tick = 250;
const patienceMs = 20_000;
const longAgo = 1_767_225_600;

/** Asks again until it holds: usage is recorded behind the answer. */
async function until<Value>(ask: () => Promise<Value>, holds: (value: Value) => boolean): Promise<Value> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const value = await ask();
    if (holds(value) || performance.now() > deadline) return value;
    await delay(tick);
  }
}

async function gather<Item>(pages: AsyncIterable<Item>): Promise<Item[]> {
  const items: Item[] = [];
  for await (const item of pages) items.push(item);
  return items;
}

/** The official SDK as the client of the management API. */
export function describeOpenAiAdminSdk(name: string, target: () => AdminTarget): void {
  describe(`admin resources of the official openai package against ${name}`, () => {
    let client: OpenAI;
    let organization: OpenAI['admin']['organization'];
    let project: string;

    beforeAll(async () => {
      client = new OpenAI({ adminAPIKey: target().adminKey, apiKey: null, baseURL: target().baseUrl, maxRetries: 0 });
      ({ organization } = client.admin);
      ({ id: project } = await organization.projects.create({ name: 'Conformance' }));
    });
    afterAll(async () => {
      await organization?.projects.archive(project);
    });

    it('makes, reads, renames, lists and archives projects', async () => {
      const { projects } = organization;
      const made = await projects.create({ name: 'First' });
      expect(made).toMatchObject({ object: 'organization.project', name: 'First', status: 'active' });
      expect((await projects.update(made.id, { name: 'Second' })).name).toBe('Second');
      expect(await projects.retrieve(made.id)).toMatchObject({ id: made.id, name: 'Second' });
      expect(await projects.archive(made.id)).toMatchObject({ status: 'archived', archived_at: expect.any(Number) });
      const active = await gather(projects.list({ limit: 1 }));
      expect(active.map(({ id }) => id)).toContain(project);
      expect(active.map(({ id }) => id)).not.toContain(made.id);
      const all = await gather(projects.list({ limit: 1, include_archived: true }));
      expect(all.map(({ id }) => id)).toContain(made.id);
      expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    });

    it('makes service accounts whose keys call models until they are deleted', async () => {
      const { serviceAccounts, apiKeys } = organization.projects;
      const made = await serviceAccounts.create(project, { name: 'Robot' });
      expect(made).toMatchObject({ object: 'organization.project.service_account', name: 'Robot' });
      const inference = new OpenAI({ apiKey: made.api_key!.value, baseURL: target().baseUrl, maxRetries: 0 });
      await inference.chat.completions.create({ model: 'sandbox/chat', messages: question, max_tokens: 5 });
      const second = await serviceAccounts.create(project, { name: 'Other' });
      expect(await serviceAccounts.retrieve(made.id, { project_id: project })).toMatchObject({ id: made.id });
      expect(await serviceAccounts.update(made.id, { project_id: project, name: 'Rob' })).toMatchObject({
        name: 'Rob',
      });
      const listed = await gather(serviceAccounts.list(project, { limit: 1 }));
      expect(listed.map(({ id }) => id).toSorted()).toEqual([made.id, second.id].toSorted());

      const keys = await gather(apiKeys.list(project, { limit: 1 }));
      expect(keys.map(({ id }) => id)).toContain(made.api_key!.id);
      const key = await apiKeys.retrieve(made.api_key!.id, { project_id: project });
      expect(key).toMatchObject({ object: 'organization.project.api_key', owner: { type: 'service_account' } });
      expect(JSON.stringify(key)).not.toContain(made.api_key!.value);

      expect(await serviceAccounts.delete(made.id, { project_id: project })).toMatchObject({ deleted: true });
      await expect(inference.models.list()).rejects.toBeInstanceOf(OpenAI.AuthenticationError);
      expect(await apiKeys.delete(second.api_key!.id, { project_id: project })).toMatchObject({
        object: 'organization.project.api_key.deleted',
        deleted: true,
      });
      await expect(apiKeys.retrieve(second.api_key!.id, { project_id: project })).rejects.toBeInstanceOf(
        OpenAI.NotFoundError,
      );
    });

    it('limits a project', async () => {
      const { rateLimits } = organization.projects;
      // OpenAI has a limit for each of its models; here the operator makes the first one.
      const made = (await client.post(`/organization/projects/${project}/rate_limits`, {
        body: { model: 'sandbox/chat', max_requests_per_1_minute: 60, max_tokens_per_1_minute: 10_000 },
        headers: { authorization: `Bearer ${target().adminKey}` },
      })) as { id: string };
      const updated = await rateLimits.updateRateLimit(made.id, { project_id: project, max_requests_per_1_minute: 30 });
      expect(updated).toMatchObject({
        object: 'project.rate_limit',
        model: 'sandbox/chat',
        max_requests_per_1_minute: 30,
        max_tokens_per_1_minute: 10_000,
      });
      const listed = await gather(rateLimits.listRateLimits(project, { limit: 1 }));
      expect(listed.map(({ id }) => id)).toEqual([made.id]);
    });

    it('makes admin keys, which work until they are deleted', async () => {
      const { adminAPIKeys } = organization;
      const made = await adminAPIKeys.create({ name: 'Deputy' });
      expect(made.object).toBe('organization.admin_api_key');
      const deputy = new OpenAI({ adminAPIKey: made.value, apiKey: null, baseURL: target().baseUrl, maxRetries: 0 });
      expect(await deputy.admin.organization.adminAPIKeys.retrieve(made.id)).toMatchObject({ name: 'Deputy' });
      const listed = await gather(adminAPIKeys.list({ limit: 1 }));
      expect(listed.map(({ id }) => id)).toContain(made.id);
      expect(JSON.stringify(listed)).not.toContain(made.value);
      expect(await adminAPIKeys.delete(made.id)).toMatchObject({ deleted: true });
      await expect(deputy.admin.organization.projects.list()).rejects.toBeInstanceOf(OpenAI.AuthenticationError);
    });

    it('reports costs and usage that equal the ledger to the nano-dollar', async () => {
      const { id: paid } = await organization.projects.create({ name: 'Paid' });
      const robot = await organization.projects.serviceAccounts.create(paid, { name: 'Payer' });
      const inference = new OpenAI({ apiKey: robot.api_key!.value, baseURL: target().baseUrl, maxRetries: 0 });
      let told = 0n;
      let tokens = 0;
      for (let call = 0; call < 5; call++) {
        const { data, response } = await inference.chat.completions
          .create({ model: 'sandbox/chat', messages: question, max_tokens: 7 + call, seed: call })
          .withResponse();
        told += BigInt(response.headers.get('x-modapi-cost-nano-usd') ?? '-1');
        tokens += data.usage?.total_tokens ?? 0;
      }
      expect(tokens).toBeGreaterThan(0);
      const charged = await until(
        () => target().chargedNanos(paid),
        (nanos) => nanos >= told,
      );
      expect(charged).toBe(told);
      expect(charged).toBeGreaterThan(0n);

      const range = { start_time: Math.floor(Date.now() / 1000) - 86_400, project_ids: [paid] };
      const costs = await organization.usage.costs({ ...range, group_by: ['project_id', 'line_item'] });
      const amounts = costs.data.flatMap(
        ({ results }) => results as { amount?: { value: number; nano_usd: string } }[],
      );
      expect(amounts.reduce((sum, { amount }) => sum + BigInt(amount?.nano_usd ?? 0), 0n)).toBe(charged);
      for (const { amount } of amounts) expect(amount?.value).toBeCloseTo(Number(amount?.nano_usd) / 1e9, 12);

      const usage = await organization.usage.completions({ ...range, group_by: ['model'], models: ['sandbox/chat'] });
      const results = usage.data.flatMap(
        (bucket) => bucket.results as { num_model_requests: number; input_tokens: number; output_tokens: number }[],
      );
      expect(results.reduce((sum, { num_model_requests: calls }) => sum + calls, 0)).toBe(5);
      expect(results.reduce((sum, result) => sum + result.input_tokens + result.output_tokens, 0)).toBe(tokens);
    });

    it('has a report for each kind of usage', async () => {
      const { usage } = organization;
      const query = { start_time: longAgo, limit: 2 };
      const reports = [
        usage.embeddings(query),
        usage.images(query),
        usage.audioSpeeches(query),
        usage.audioTranscriptions(query),
        usage.moderations(query),
      ];
      for (const report of await Promise.all(reports)) expect(report).toMatchObject({ object: 'page', has_more: true });
      const first = await usage.costs({ start_time: longAgo, limit: 1 });
      const second = await usage.costs({ start_time: longAgo, limit: 1, page: first.next_page! });
      expect(second.data[0]?.start_time).toBe(first.data[0]?.end_time);
    });

    it('lists what was changed', async () => {
      const types: string[] = [];
      for await (const entry of organization.auditLogs.list({ limit: 1, project_ids: [project] })) {
        types.push(entry.type);
        if (types.length === 10) break;
      }
      expect(types).toContain('project.created');
      const created = await organization.auditLogs.list({ event_types: ['project.created'], limit: 2 });
      expect(created.data.map(({ type }) => type)).toEqual(['project.created', 'project.created']);
    });

    it('turns refusals into the SDK’s exceptions', async () => {
      const { projects } = organization;
      await expect(projects.retrieve('proj_none')).rejects.toBeInstanceOf(OpenAI.NotFoundError);
      await expect(projects.list({ limit: 1_000 })).rejects.toMatchObject({ status: 400, param: 'limit' });
      const inference = new OpenAI({ adminAPIKey: target().apiKey, apiKey: null, baseURL: target().baseUrl });
      await expect(inference.admin.organization.projects.list()).rejects.toBeInstanceOf(OpenAI.PermissionDeniedError);
    });
  });
}
