// `modapi orgs …`, for the operator.
import { idOf } from './api.mjs';
import { timeText } from './render.mjs';

async function changeOrganization({ api, words }, change) {
  const data = await api.post(`organizations/${idOf(words[0])}`, change);
  return { data, note: `${data.id} is ${data.disabled_at ? 'disabled: its keys are refused' : 'enabled'}` };
}

export const organizationCommands = [
  {
    name: ['orgs', 'list'],
    form: 'orgs list',
    what: 'organizations (operator)',
    run: async ({ api }) => {
      const data = await api.all('organizations');
      const rows = data.map((one) => [one.id, one.name, one.mode, timeText(one.created_at), Boolean(one.disabled_at)]);
      return { data, columns: ['id', 'name', 'mode', 'created', 'disabled'], rows };
    },
  },
  {
    name: ['orgs', 'create'],
    form: 'orgs create NAME [--mode prepaid|postpaid]',
    what: 'a new organization with its own admin key (operator)',
    words: [1],
    options: { mode: { type: 'string' } },
    run: async ({ api, words: [name], options: { mode } }) => {
      const data = await api.post('organizations', { name, ...(mode && { mode }) });
      return { data, note: `${data.id}\nIts admin key, shown only now:\n${data.admin_api_key.value}` };
    },
  },
  {
    name: ['orgs', 'disable'],
    form: 'orgs disable ID',
    what: 'refuse all its keys (operator)',
    words: [1],
    run: (input) => changeOrganization(input, { disabled: true }),
  },
  {
    name: ['orgs', 'enable'],
    form: 'orgs enable ID',
    what: 'take its keys again (operator)',
    words: [1],
    run: (input) => changeOrganization(input, { disabled: false }),
  },
];
