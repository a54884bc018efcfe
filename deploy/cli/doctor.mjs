// `modapi doctor`: what works, and what to do about what does not.
import { idOf } from './api.mjs';
import { dollarsOfNanos } from './money.mjs';

/** Each looks at one thing: `good` is what to say of it, `bad` what to do about it. */
const checks = [
  {
    what: 'gateway',
    look: async (api) => {
      const { status } = await api.probe('/readyz', false);
      return status === 200
        ? { good: `${api.baseUrl} is ready` }
        : { bad: `answers ${status} on /readyz: look at its log` };
    },
  },
  {
    what: 'admin key',
    look: async (api) => {
      const { status, body } = await api.probe('organization/projects?limit=1');
      if (status === 200) return { good: 'is valid' };
      return { bad: body?.error?.message ?? `the gateway answers ${status}` };
    },
  },
  {
    what: 'organization',
    look: async (api) => {
      const { organization: id } = api;
      // Who acts for another one is the operator, and may look at it.
      const retrieved = id && (await api.probe(`organizations/${idOf(id)}`));
      if (retrieved?.body?.disabled_at) return { bad: `disabled, its keys are refused: modapi orgs enable ${id}` };
      const { status, body } = await api.probe('organization/projects?limit=1');
      if (status === 200) return { good: `${retrieved?.body?.name ?? 'it'} is enabled` };
      if (body?.error?.code === 'organization_disabled') return { bad: 'disabled: only the operator can enable it' };
      return { bad: body?.error?.message ?? `the gateway answers ${status}` };
    },
  },
  {
    what: 'operator',
    look: async (api) => {
      const { status } = await api.probe('organizations?limit=1');
      return {
        good:
          status === 200
            ? 'this key may move money and make organizations'
            : 'no: this key manages its own organization',
      };
    },
  },
  {
    what: 'money',
    look: async (api) => {
      const { mode, available_nano_usd: available } = await api.get('organization/billing');
      if (mode === 'postpaid') return { good: `postpaid, ${dollarsOfNanos(available)} $` };
      if (BigInt(available) > 0n) return { good: `prepaid, ${dollarsOfNanos(available)} $ available` };
      return { bad: 'prepaid, and nothing is left: modapi topup DOLLARS --reference TEXT' };
    },
  },
  {
    what: 'keys',
    look: async (api) => {
      const projects = await api.all('organization/projects');
      const keys = (
        await Promise.all(projects.map(({ id }) => api.all(`organization/projects/${id}/api_keys`)))
      ).flat();
      if (keys.length === 0) return { bad: 'no key to call models with: modapi keys create NAME' };
      const soon = keys.filter((key) => key.expires_at && key.expires_at - Date.now() / 1_000 < 7 * 86_400).length;
      return { good: `${keys.length} to call models with${soon > 0 ? `, ${soon} expire within a week` : ''}` };
    },
  },
];

export const doctor = {
  name: ['doctor'],
  form: 'doctor',
  what: 'is it up, is the key good, is there money',
  run: async ({ api }) => {
    const data = [];
    for (const { what, look } of checks) {
      const found = await look(api).catch((error) => ({ bad: error.message }));
      data.push({ what, ok: found.bad === undefined, says: found.bad ?? found.good });
    }
    const rows = data.map(({ what, ok, says }) => [ok ? 'ok' : 'BAD', what, says]);
    return { data, columns: ['', 'what', 'says'], rows, failed: data.some(({ ok }) => !ok) };
  },
};
