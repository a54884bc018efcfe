import { describe, expect, it } from '@jest/globals';
import { GatewayError, type OrganizationCallHead, organizationRoutes, type OrganizationRoute } from '#libs/contracts';
import { checkParameters } from './call-validation.js';

const routeOf = (id: string) => organizationRoutes.find((route) => route.id === id) as OrganizationRoute;

function check(routeId: string, given: Partial<OrganizationCallHead>): unknown {
  const caller = { keyId: 'k', organizationId: 'o', projectId: 'p', scope: 'admin', operator: false } as const;
  const head = {
    routeId,
    requestId: 'r',
    caller: { ...caller, billingMode: 'prepaid' as const },
    organizationId: 'o',
    params: {},
    query: {},
    body: {},
    ...given,
  };
  try {
    return checkParameters(routeOf(routeId), head);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return `${error.status} ${error.code} ${error.param ?? '-'}`;
  }
}

describe('the parameters of a management call', () => {
  // bad-inputs 87
  it.each(["' or 1=1 --", '%', '../other', 'x'.repeat(10_000), 'a b', 'a\u0000', ''])('know no id such as %s', (id) => {
    expect(check('projects.retrieve', { params: { project_id: id.slice(0, 10_000) } })).toBe('404 not_found -');
  });

  // bad-inputs 88
  it.each([
    [{ limit: '0' }, 'limit'],
    [{ limit: '-1' }, 'limit'],
    [{ limit: '1000000000' }, 'limit'],
    [{ limit: '1e2' }, 'limit'],
    [{ limit: 'x' }, 'limit'],
    [{ limit: '' }, 'limit'],
    [{ limit: ['1', '2'] }, 'limit'],
    [{ after: "'" }, 'after'],
    [{ after: 'x'.repeat(65) }, 'after'],
    [{ order: 'up' }, 'order'],
    [{ include_archived: 'yes' }, 'include_archived'],
  ])('of a list are refused when they are like %j', (query, param) => {
    expect(check('projects.list', { query })).toBe(`400 invalid_value ${param}`);
  });

  it('of a list may be left out, and come back as numbers and booleans', () => {
    const nothing = { query: { limit: 20, order: 'desc', include_archived: false } };
    expect(check('projects.list', {})).toMatchObject(nothing);
    const query = { limit: '7', after: 'proj_1', order: 'asc', include_archived: 'true' };
    const parsed = { limit: 7, after: 'proj_1', order: 'asc', include_archived: true };
    expect(check('projects.list', { query })).toMatchObject({ query: parsed });
    // Ingress may have parsed them before.
    expect(check('projects.list', { query: parsed })).toMatchObject({ query: parsed });
  });

  // bad-inputs 91
  it.each(['role', 'balance', 'created_at', 'id', 'organization_id', 'operator', '__proto__x'])(
    'may not write %s',
    (name) => {
      expect(check('projects.update', { body: { name: 'n', [name]: 1 } })).toBe(`400 unknown_parameter ${name}`);
    },
  );

  it('that a route does not take are refused, wherever they stand', () => {
    expect(check('projects.retrieve', { query: { q: '%' } })).toBe('400 unknown_parameter q');
    expect(check('projects.archive', { body: { force: true } })).toBe('400 unknown_parameter force');
    const price = { input: '1', output: '1', image: '1' };
    expect(check('price_overrides.set', { body: { model: 'm', price } })).toBe('400 unknown_parameter price.image');
  });

  it.each([
    [{}, 'missing_required_parameter name'],
    [{ name: '' }, 'invalid_value name'],
    [{ name: 5 }, 'invalid_value name'],
    [{ name: null }, 'invalid_value name'],
    [{ name: 'a\u0000b' }, 'invalid_value name'],
    [{ name: 'half \ud800' }, 'invalid_value name'],
    [{ name: ' padded' }, 'invalid_value name'],
    [{ name: 'x'.repeat(201) }, 'invalid_value name'],
  ])('must be a proper name, not %j', (body, problem) => {
    expect(check('projects.create', { body })).toBe(`400 ${problem}`);
  });

  // bad-inputs 92
  it.each([
    '1e309',
    '1,000',
    '0.3',
    '1_000',
    '-1',
    '+1',
    '',
    ' 1',
    '007',
    '1'.repeat(19),
    0.1 + 0.2,
    5,
    true,
    null,
    {},
  ])('must be an amount in digits, not %j', (amount) => {
    const problem = '400 invalid_value amount_nano_usd';
    const budget = { scope: 'organization', period: 'day', amount_nano_usd: amount };
    expect(check('budgets.create', { body: budget })).toBe(problem);
    expect(check('budgets.update', { body: { amount_nano_usd: amount } })).toBe(problem);
    for (const id of ['billing.top_up', 'billing.refund']) {
      const request = id === 'billing.refund' ? { request_id: 'req_1' } : {};
      expect(check(id, { body: { amount_nano_usd: amount, reference: 'r', ...request } })).toBe(problem);
    }
    expect(check('billing.update', { body: { overdraft_nano_usd: amount } })).toBe(
      '400 invalid_value overdraft_nano_usd',
    );
  });

  it.each([
    ['billing.top_up', { amount_nano_usd: '0', reference: 'r' }, 'invalid_value amount_nano_usd'],
    ['billing.top_up', { amount_nano_usd: '1' }, 'missing_required_parameter reference'],
    ['billing.top_up', { amount_nano_usd: '1', reference: 'a b' }, 'invalid_value reference'],
    ['billing.refund', { amount_nano_usd: '1', reference: 'r', request_id: '' }, 'invalid_value request_id'],
    ['billing.refund', { amount_nano_usd: '1', reference: 'r' }, 'missing_required_parameter request_id'],
    ['billing.update', {}, 'missing_required_parameter -'],
    ['billing.update', { mode: 'free' }, 'invalid_value mode'],
    ['billing.update', { mode: 'postpaid', overdraft_nano_usd: '1' }, 'invalid_value overdraft_nano_usd'],
    ['organizations.update', {}, 'missing_required_parameter -'],
    ['organizations.update', { disabled: 'true' }, 'invalid_value disabled'],
    ['organizations.create', { name: 'n', operator: true }, 'unknown_parameter operator'],
    ['organizations.create', { name: 'n', id: 'org_default' }, 'unknown_parameter id'],
    ['budgets.create', { scope: 'team', period: 'day', amount_nano_usd: '1' }, 'invalid_value scope'],
    [
      'budgets.create',
      { scope: 'project', period: 'day', amount_nano_usd: '1' },
      'missing_required_parameter scope_id',
    ],
    ['budgets.create', { scope: 'organization', period: 'week', amount_nano_usd: '1' }, 'invalid_value period'],
    ['price_overrides.set', { model: 'm', price: {} }, 'invalid_value price'],
    ['price_overrides.set', { model: 'm', price: { seconds: '-1' } }, 'invalid_value price.seconds'],
    [
      'price_overrides.set',
      { model: 'm', price: { 'images:1024x1024/hd': 1 } },
      'invalid_value price.images:1024x1024/hd',
    ],
    ['price_overrides.set', { model: 'm', price: { input: '1', output: '0.5' } }, 'invalid_value price.output'],
    ['price_overrides.set', { model: 'a b', price: { input: '1', output: '1' } }, 'invalid_value model'],
  ])('of %s are refused when they are like %j', (routeId, body, problem) => {
    expect(check(routeId, { body })).toBe(`400 ${problem}`);
  });

  it.each([
    [{ 'effective_at[gt]': 'now' }, 'effective_at[gt]'],
    [{ 'event_types[]': ['t', "'"] }, 'event_types[][1]'],
    [{ 'project_ids[]': Array.from({ length: 101 }, () => 'p') }, 'project_ids[]'],
    [{ after: 'a', before: 'b' }, 'before'],
  ])('of the audit log are refused when they are like %j', (query, param) => {
    expect(check('audit_logs.list', { query })).toBe(`400 invalid_value ${param}`);
  });

  it('of the audit log may come once or several times', () => {
    const query = { 'event_types[]': 'project.created', 'project_ids[]': ['a', 'b'], 'effective_at[gte]': '5' };
    const parsed = { 'event_types[]': ['project.created'], 'project_ids[]': ['a', 'b'], 'effective_at[gte]': 5 };
    expect(check('audit_logs.list', { query })).toMatchObject({ query: parsed });
    expect(check('audit_logs.list', { query: parsed })).toMatchObject({ query: parsed });
  });
});
