import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { request as httpRequest } from 'node:http';
import { GatewayError, type OrganizationCallHead, organizationRoutes, organizationSubject } from '#libs/contracts';
import { CallError } from '#libs/messaging';
import type { PlayedCall } from '../testing/fake-bus.js';
import type { HttpCase } from '../testing/http-case.js';
import { operatorKey, organizationCases } from '../testing/organization-cases.js';
import { startTestIngress, type TestIngress } from '../testing/test-ingress.js';

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: string;
}

type Headers = Record<string, string | undefined>;
const answerAll = (call: PlayedCall): void => call.answer({ id: 'proj_1', object: 'organization.project' });

let ingress: TestIngress;
beforeAll(async () => {
  ingress = await startTestIngress();
});
afterAll(() => ingress.stop());
beforeEach(() => {
  ingress.bus.calls.length = 0;
  ingress.bus.play = answerAll;
});

/** node:http, since fetch would normalise the path. */
function send(method: string, path: string, headers: Headers, body: Buffer | undefined): Promise<Answer> {
  const given = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined));
  const options = { port: ingress.port, host: '127.0.0.1', method, path, headers: given as Record<string, string> };
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({ ...options, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const { statusCode = 0, headers: answered } = response;
        resolve({ status: statusCode, headers: answered, body: Buffer.concat(chunks).toString() });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

function ask({ method = 'POST', path = '', headers, body }: Partial<HttpCase>): Promise<Answer> {
  const own = typeof headers === 'function' ? headers(ingress) : headers;
  const usual = { authorization: `Bearer ${ingress.adminKey}` };
  if (body === undefined) return send(method, path, { ...usual, ...own }, undefined);
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const length = { 'content-type': 'application/json', 'content-length': String(bytes.length) };
  return send(method, path, { ...usual, ...length, ...own }, bytes);
}

const headOf = (call: PlayedCall | undefined): OrganizationCallHead => call?.request.head as OrganizationCallHead;
const get = (path: string, headers?: Headers): Promise<Answer> =>
  ask({ method: 'GET', path, ...(headers && { headers }) });
const create = (body: HttpCase['body']): Promise<Answer> =>
  ask({ path: '/v1/organization/projects', ...(body !== undefined && { body }) });

describe('a bad input to the management API', () => {
  it.each(organizationCases.map((httpCase) => [httpCase.row, httpCase.what, httpCase] as const))(
    'row %i, %s',
    async (_row, _what, httpCase) => {
      const answer = await ask(httpCase);
      const error = {
        message: expect.stringMatching(/\S/),
        type: expect.stringMatching(/^[a-z_]+$/),
        param: httpCase.param ?? null,
        code: httpCase.code,
      };
      const shown = httpCase.method === 'HEAD' ? undefined : JSON.parse(answer.body);
      expect({ status: answer.status, shown }).toEqual({ status: httpCase.status, shown: shown && { error } });
      expect(answer.headers).toMatchObject(httpCase.answer ?? {});
      expect(ingress.bus.calls).toHaveLength(0);
    },
  );
});

/** A path of the route, with ids for its parameters. */
const pathOf = (path: string): string => path.replaceAll(/:\w+/g, 'id_1');

describe('every route of the management API', () => {
  it.each(organizationRoutes.map((route) => [route.id, route] as const))('%s needs a key', async (_id, route) => {
    const { method } = route;
    const asked = { method, path: pathOf(route.path) };
    expect(await ask({ ...asked, headers: { authorization: undefined } })).toMatchObject({ status: 401 });
    const inference = await ask({ ...asked, headers: { authorization: `Bearer ${ingress.key}` } });
    expect(inference.status).toBe(403);
    if (route.access === 'operator') expect((await ask(asked)).body).toContain('operator');
    expect(ingress.bus.calls).toHaveLength(0);
  });

  it('reaches billing under its own id, for an admin key if it is not the operator’s', async () => {
    for (const { id, method, path, access, query, body } of organizationRoutes) {
      // What needs more than a path is refused by name, which shows that the route is there.
      const answer = await ask({ method, path: pathOf(path) });
      const reached = ingress.bus.calls.pop();
      if (access === 'operator') expect([id, answer.status]).toEqual([id, 403]);
      else if (reached) expect([id, headOf(reached).routeId]).toEqual([id, id]);
      else expect([id, answer.status, (query ?? body) !== undefined]).toEqual([id, 400, true]);
    }
  });
});

describe('a request of the management API', () => {
  it('reaches billing as ids, query and body, in the name of its caller', async () => {
    const answer = await ask({
      path: '/v1/organization/projects/proj_1/api_keys/key_1/rotate',
      body: { overlap_seconds: 5 },
    });
    expect(answer.status).toBe(200);
    const [call] = ingress.bus.calls;
    expect(call?.request).toMatchObject({ subject: organizationSubject, deadlineMs: 10_000 });
    expect(headOf(call)).toMatchObject({
      routeId: 'projects.api_keys.rotate',
      requestId: answer.headers['x-request-id'],
      caller: { scope: 'admin', operator: false },
      organizationId: 'org_1',
      params: { project_id: 'proj_1', api_key_id: 'key_1' },
      query: {},
      body: { overlap_seconds: 5 },
    });
    expect(JSON.stringify(call?.request.head)).not.toContain(ingress.adminKey);
  });

  it('has defaults for what its query leaves out, and takes lists in both spellings', async () => {
    await get('/v1/organization/projects?limit=3');
    expect(headOf(ingress.bus.calls[0]).query).toMatchObject({ limit: 3, order: 'desc' });
    for (const query of ['group_by[]=line_item&group_by[]=project_id', 'group_by=line_item&group_by=project_id']) {
      ingress.bus.calls.length = 0;
      await get(`/v1/organization/costs?start_time=1767225600&${query}`);
      expect(headOf(ingress.bus.calls[0]).query).toMatchObject({ group_by: ['line_item', 'project_id'] });
    }
  });

  it('may be for another organization if the operator sends it', async () => {
    const authorization = `Bearer ${operatorKey(ingress)}`;
    await get('/v1/organization/projects', { authorization, 'openai-organization': 'org_Other1' });
    await get('/v1/organization/projects', { authorization });
    expect(ingress.bus.calls.map((call) => headOf(call).organizationId)).toEqual(['org_Other1', 'org_1']);
  });

  it('may name its own organization', async () => {
    const headers = { authorization: `Bearer ${ingress.adminKey}`, 'openai-organization': 'org_1' };
    expect((await get('/v1/organization/projects', headers)).status).toBe(200);
  });

  it('needs no body where nothing must be said', async () => {
    expect((await ask({ path: '/v1/organization/projects/proj_1/archive' })).status).toBe(200);
    expect((await ask({ path: '/v1/organization/projects/proj_1/archive', body: {} })).status).toBe(200);
    expect((await ask({ path: '/v1/organization/projects/proj_1/archive', body: '' })).status).toBe(200);
  });

  it.each(['GET', 'DELETE'])('has no body with %s', async (method) => {
    const answer = await ask({ method, path: '/v1/organization/budgets/b_1', body: { a: 1 } });
    expect([answer.status, answer.body]).toEqual([400, expect.stringContaining('bad_request')]);
    expect(ingress.bus.calls).toHaveLength(0);
  });

  it('has its JSON read as strictly as any other', async () => {
    for (const [body, code] of [
      ['[]', 'invalid_type'],
      ['{"name":"a","name":"b"}', 'duplicate_key'],
      ['{"__proto__":{}}', 'forbidden_key'],
      [`{"name":${'['.repeat(100)}`, 'json_too_deep'],
      ['{"name":"\\ud800"}', 'invalid_encoding'],
      ['{', 'invalid_json'],
    ] as const) {
      const answer = await create(body);
      expect([answer.status, JSON.parse(answer.body)]).toMatchObject([400, { error: { code } }]);
    }
    expect(ingress.bus.calls).toHaveLength(0);
  });
});

describe('an answer of the management API', () => {
  it('is billing’s, byte for byte, and is kept nowhere', async () => {
    ingress.bus.play = (call) => call.answer({ value: 'sk-modapi-secret' }, 201);
    const answer = await create({ name: 'Mine' });
    expect(answer).toMatchObject({ status: 201, body: '{"value":"sk-modapi-secret"}' });
    expect(answer.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
    });
    const [line] = ingress.log.slice(-1);
    expect(line).toMatchObject({ endpoint: 'projects.create', status: 201, organizationId: 'org_1' });
    expect(JSON.stringify(ingress.log)).not.toContain('secret');
  });

  it('to HEAD has no body', async () => {
    const answer = await ask({ method: 'HEAD', path: '/v1/organization/projects' });
    expect(answer).toMatchObject({ status: 200, body: '' });
    expect(Number(answer.headers['content-length'])).toBeGreaterThan(10);
  });

  it('is billing’s error: 404 for what belongs to another (row 86)', async () => {
    const error = new GatewayError('not_found', 'There is no such project.').toJson();
    ingress.bus.play = ({ sink }) => sink.onError(new CallError('remote', 'failed', error));
    const answer = await get('/v1/organization/projects/proj_of_another');
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([404, { error: { code: 'not_found' } }]);
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  it('says when to come back if billing is away', async () => {
    ingress.bus.play = ({ sink }) => sink.onError(new CallError('no_responders', 'nobody'));
    for (const answer of [await create({ name: 'Mine' }), await get('/v1/organization/projects')]) {
      expect([answer.status, JSON.parse(answer.body)]).toMatchObject([503, { error: { code: 'ledger_unavailable' } }]);
      expect(answer.headers).toMatchObject({ 'retry-after': '2' });
      expect(answer.headers['x-should-retry']).toBeUndefined();
    }
  });

  it.each(['peer_lost', 'deadline', 'gap'] as const)(
    'to a change that may have been made (%s) asks no SDK to repeat it',
    async (reason) => {
      ingress.bus.play = ({ sink }) => sink.onError(new CallError(reason, 'lost'));
      const changed = await create({ name: 'Mine' });
      expect([changed.status, changed.headers['x-should-retry']]).toEqual([503, 'false']);
      const read = await get('/v1/organization/projects');
      expect([read.status, read.headers['x-should-retry'], read.headers['retry-after']]).toEqual([503, undefined, '2']);
    },
  );
});
