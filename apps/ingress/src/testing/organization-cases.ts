import { parseApiKey } from '#libs/contracts';
import type { HttpCase } from './http-case.js';
import type { TestIngress } from './test-ingress.js';

const base = '/v1/organization';
const project = `${base}/projects/proj_1`;
const refusedScope = { status: 403, code: 'insufficient_scope' } as const;
const notFound = { status: 404, code: 'not_found' } as const;
const unknownUrl = { status: 404, code: 'unknown_url' } as const;
const invalid = (param: string) => ({ status: 400, code: 'invalid_value', param }) as const;
const missing = (param: string) => ({ status: 400, code: 'missing_required_parameter', param }) as const;
const unknown = (param: string) => ({ status: 400, code: 'unknown_parameter', param }) as const;
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** A key of whoever runs the gateway. */
export function operatorKey({ addKey, bus }: TestIngress): string {
  const key = addKey('admin');
  const keyId = parseApiKey(key)?.id;
  for (const [digest, caller] of bus.callers) {
    if (caller.keyId === keyId) bus.callers.set(digest, { ...caller, operator: true });
  }
  return key;
}

const inferenceKey = { headers: ({ key }: TestIngress) => bearer(key) };
const operator = { headers: (ingress: TestIngress) => bearer(operatorKey(ingress)) };
const naming = (organization: string) => ({
  headers: ({ adminKey }: TestIngress) => ({ ...bearer(adminKey), 'openai-organization': organization }),
});
const operatorNaming = (organization: string) => ({
  headers: (ingress: TestIngress) => ({ ...bearer(operatorKey(ingress)), 'openai-organization': organization }),
});

const topUp = { path: `${base}/billing/top_ups`, body: { amount_nano_usd: '1', reference: 'r1' } };

const scopes: readonly HttpCase[] = [
  { row: 12, what: 'inference key', method: 'GET', path: `${base}/projects`, ...inferenceKey, ...refusedScope },
  { row: 12, what: 'inference key, HEAD', method: 'HEAD', path: `${base}/projects`, ...inferenceKey, ...refusedScope },
  { row: 12, what: 'inference key tops up', ...topUp, ...inferenceKey, ...refusedScope },
  { row: 12, what: 'admin key tops up', ...topUp, ...refusedScope },
  { row: 12, what: 'admin key lists organizations', method: 'GET', path: '/v1/organizations', ...refusedScope },
  { row: 12, what: 'admin key tops up itself by name', ...topUp, ...naming('org_1'), ...refusedScope },
  {
    row: 12,
    what: 'admin key for another organization',
    method: 'GET',
    path: `${base}/projects`,
    ...naming('org_2'),
    ...refusedScope,
  },
  ...['org_', 'org_1, org_2', "org_' OR 1", 'proj_1', `org_${'a'.repeat(61)}`].map((organization) => ({
    row: 12,
    what: `operator for ${organization.slice(0, 12)}`,
    method: 'GET',
    path: `${base}/projects`,
    ...operatorNaming(organization),
    ...invalid('OpenAI-Organization'),
  })),
];

const noMethod = { status: 405, code: 'method_not_allowed' } as const;

const routes: readonly HttpCase[] = [
  { row: 14, what: 'unknown noun', method: 'GET', path: `${base}/invites`, ...unknownUrl },
  { row: 14, what: 'a step too many', method: 'GET', path: `${project}/api_keys/key_1/secret`, ...unknownUrl },
  { row: 15, what: 'DELETE of a list', method: 'DELETE', path: `${base}/projects`, ...noMethod },
  {
    row: 15,
    what: 'PUT of a project',
    method: 'PUT',
    path: project,
    ...noMethod,
    answer: { allow: 'GET, HEAD, POST' },
  },
  {
    row: 15,
    what: 'GET of an action',
    method: 'GET',
    path: `${project}/archive`,
    ...noMethod,
    answer: { allow: 'POST' },
  },
  { row: 91, what: 'PATCH of a project', method: 'PATCH', path: project, body: { role: 'owner' }, ...noMethod },
  ...[`${base}/projects/`, `${base}//projects`, '/v1/Organization/projects', `${base}/projects/proj_1/`].map(
    (path) => ({
      row: 17,
      what: path,
      method: 'GET',
      path,
      ...unknownUrl,
    }),
  ),
];

const ids: readonly HttpCase[] = [
  ...["proj_1'--", 'proj_1;drop', 'a.b', '..', 'proj_1:x', `${'a'.repeat(65)}`, 'a'.repeat(8_000)].map((id) => ({
    row: 87,
    what: id.slice(0, 12),
    method: 'GET',
    path: `${base}/projects/${id}`,
    ...notFound,
  })),
  { row: 87, what: 'second id', method: 'DELETE', path: `${project}/api_keys/key_1'`, ...notFound },
  { row: 87, what: 'id before body', path: `${base}/projects/a.b`, body: { role: 'owner' }, ...notFound },
  // Percent-encoding is refused before routing: a proxy before us could read the path differently.
  ...['%27', 'proj%5f1', '..%2f..', '%', '%00'].map((id) => ({
    row: 87,
    what: `encoded ${id}`,
    method: 'GET',
    path: `${base}/projects/${id}`,
    ...unknownUrl,
  })),
  {
    row: 87,
    what: '10 KB',
    method: 'GET',
    path: `${base}/projects/${'a'.repeat(10_000)}`,
    status: 414,
    code: 'uri_too_long',
  },
];

const list = (query: string) => ({ method: 'GET', path: `${base}/projects?${query}` });

const lists: readonly HttpCase[] = [
  ...['0', '-1', '1e9', 'x', '101', '1.5', '', '1&limit=2', '%31%00'].map((limit) => ({
    row: 88,
    what: `limit ${limit}`,
    ...list(`limit=${limit}`),
    ...invalid('limit'),
  })),
  ...["'", 'a b', '%27%20OR', 'a'.repeat(65), ''].map((after) => ({
    row: 88,
    what: `after ${after.slice(0, 8)}`,
    ...list(`after=${encodeURIComponent(after)}`),
    ...invalid('after'),
  })),
  { row: 88, what: 'order up', ...list('order=up'), ...invalid('order') },
  { row: 88, what: 'unknown', ...list('sort=name'), ...unknown('sort') },
  { row: 88, what: '__proto__', ...list('__proto__=1&__proto__=2'), ...unknown('__proto__') },
  { row: 88, what: 'costs without a start', method: 'GET', path: `${base}/costs`, ...missing('start_time') },
  {
    row: 88,
    what: 'group_by nonsense',
    method: 'GET',
    path: `${base}/costs?start_time=0&group_by[]=password`,
    ...invalid('group_by[0]'),
  },
  { row: 89, what: 'q', ...list(`q=${'%25'.repeat(100)}`), ...unknown('q') },
  { row: 89, what: 'q of 5,000 wildcards', ...list(`q=${'_'.repeat(5_000)}`), ...unknown('q') },
  { row: 89, what: 'search', ...list('search=%25'), ...unknown('search') },
];

const rights = {
  allowed_routes: ['/*'],
  role: 'admin',
  org: 'org_2',
  organization_id: 'org_2',
  max_budget: -1,
  operator: true,
};
const assignments = {
  role: 'owner',
  balance: '1',
  created_at: 0,
  id: 'proj_2',
  status: 'active',
  organization_id: 'org_2',
};

const writes: readonly HttpCase[] = [
  ...Object.entries(rights).map(([name, value]) => ({
    row: 90,
    what: name,
    path: `${project}/api_keys`,
    body: { name: 'a', [name]: value },
    ...unknown(name),
  })),
  {
    row: 90,
    what: 'scopes of an admin key',
    path: `${base}/admin_api_keys`,
    body: { name: 'a', operator: true },
    ...unknown('operator'),
  },
  ...Object.entries(assignments).map(([name, value]) => ({
    row: 91,
    what: name,
    path: project,
    body: { name: 'a', [name]: value },
    ...unknown(name),
  })),
  { row: 91, what: 'unknown beside missing', path: `${base}/projects`, body: { role: 'owner' }, ...unknown('role') },
  {
    row: 91,
    what: 'a body where none belongs',
    path: `${project}/archive`,
    body: { force: true },
    ...unknown('force'),
  },
  { row: 91, what: 'no name', path: `${base}/projects`, body: {}, ...missing('name') },
  { row: 91, what: 'name 7', path: `${base}/projects`, body: { name: 7 }, ...invalid('name') },
  { row: 91, what: 'name null', path: `${base}/projects`, body: { name: null }, ...invalid('name') },
  {
    row: 91,
    what: 'name with a control character',
    path: `${base}/projects`,
    body: { name: 'a\u0007' },
    ...invalid('name'),
  },
  ...['1e309', '1,000', '0.30000000000000004', '1'.repeat(19), '-1', '', ' 1', '0x1'].map((amount) => ({
    row: 92,
    what: `amount "${amount.slice(0, 8)}"`,
    path: `${base}/budgets`,
    body: { scope: 'organization', period: 'month', amount_nano_usd: amount },
    ...invalid('amount_nano_usd'),
  })),
  ...['1e309', '0.1', '1000'].map((amount) => ({
    row: 92,
    what: `amount ${amount}`,
    path: `${base}/budgets`,
    body: `{"scope":"organization","period":"month","amount_nano_usd":${amount}}`,
    ...invalid('amount_nano_usd'),
  })),
  ...['-1', '0', '1'.repeat(19), '1.5'].map((amount) => ({
    row: 92,
    what: `top-up ${amount.slice(0, 8)}`,
    path: topUp.path,
    body: { ...topUp.body, amount_nano_usd: amount },
    ...operator,
    ...invalid('amount_nano_usd'),
  })),
  {
    row: 92,
    what: 'top-up without reference',
    ...topUp,
    body: { amount_nano_usd: '1' },
    ...operator,
    ...missing('reference'),
  },
];

/** The management API: what ingress refuses before billing hears of it. Sent with an admin key unless it says otherwise. */
export const organizationCases: readonly HttpCase[] = [...scopes, ...routes, ...ids, ...lists, ...writes];
