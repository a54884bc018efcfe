// Five organizations of one gateway, made through its own API as an operator makes them.

/** Nano-dollars. The broke one can pay for a few calls at a time, and is topped up a little now and then. */
const balances = [
  { name: 'ample', topUp: 50_000_000_000n },
  { name: 'busy', topUp: 50_000_000_000n },
  { name: 'budgeted', topUp: 50_000_000_000n, budgetPerMinute: 3_000_000n },
  { name: 'modest', topUp: 500_000_000n },
  { name: 'broke', topUp: 1_500_000n },
];

async function ask(url, key, { body, organization } = {}) {
  const response = await fetch(url, {
    method: body ? 'POST' : 'GET',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      ...(organization && { 'openai-organization': organization }),
    },
    ...(body && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${url}: ${response.status} ${JSON.stringify(answer)}`);
  return answer;
}

/** @param {{ baseUrl: string, operatorKey: string }} rig */
export async function makeTenants(rig, minutes) {
  const tenants = [];
  for (const { name, topUp, budgetPerMinute } of balances) {
    const organization = await ask(`${rig.baseUrl}/organizations`, rig.operatorKey, {
      body: { name, mode: 'prepaid' },
    });
    const adminKey = organization.admin_api_key.value;
    const [project] = (await ask(`${rig.baseUrl}/organization/projects`, adminKey)).data;
    const key = await ask(`${rig.baseUrl}/organization/projects/${project.id}/api_keys`, adminKey, { body: { name } });
    const tenant = { name, id: organization.id, apiKey: key.value, canary: `canary-${name}` };
    await topUpTenant(rig, tenant, topUp, 'first');
    if (budgetPerMinute !== undefined) {
      // Used up about half-way.
      const budget = (budgetPerMinute * BigInt(Math.round(minutes * 60))) / 60n;
      const scope = { scope: 'organization', scope_id: organization.id, period: 'total' };
      await ask(`${rig.baseUrl}/organization/budgets`, adminKey, {
        body: { ...scope, amount_nano_usd: String(budget) },
      });
    }
    tenants.push(tenant);
  }
  return tenants;
}

/** @param {{ baseUrl: string, operatorKey: string }} rig */
export async function topUpTenant(rig, tenant, nanos, reference) {
  const body = { amount_nano_usd: String(nanos), reference };
  await ask(`${rig.baseUrl}/organization/billing/top_ups`, rig.operatorKey, { body, organization: tenant.id });
}
