// `modapi keys …`: keys that call models.
import { idOf } from './api.mjs';
import { listOption, numberOption } from './arguments.mjs';
import { projectOf, projectOption } from './projects.mjs';
import { timeText } from './render.mjs';

const keysPath = async (input) => `organization/projects/${idOf(await projectOf(input))}/api_keys`;

function keyNote({ value }) {
  return `The key, shown only now:\n${value}`;
}

function keyRow(key) {
  const state = [key.id, key.name, key.redacted_value, timeText(key.created_at), timeText(key.last_used_at)];
  return [...state, timeText(key.expires_at)];
}
const keyColumns = ['id', 'name', 'key', 'created', 'last used', 'expires'];

/** Options of `keys create`: field of the API, and how its text is read. */
const rights = {
  'expires-in': { field: 'expires_in_seconds', read: numberOption },
  models: { field: 'models', read: listOption },
  rpm: { field: 'requests_per_minute', read: numberOption },
  tpm: { field: 'tokens_per_minute', read: numberOption },
  ips: { field: 'ip_allow_list', read: listOption },
};

function rightsOf(options) {
  const given = Object.entries(rights).filter(([name]) => options[name] !== undefined);
  return Object.fromEntries(given.map(([name, { field, read }]) => [field, read(name, options[name])]));
}

export const keyCommands = [
  {
    name: ['keys', 'list'],
    form: 'keys list [--project ID]',
    what: 'keys of a project',
    options: projectOption,
    run: async (input) => {
      const data = await input.api.all(await keysPath(input));
      return { data, columns: keyColumns, rows: data.map(keyRow) };
    },
  },
  {
    name: ['keys', 'create'],
    form: 'keys create NAME [--project ID] [--expires-in SECONDS] [--models a,b/*] [--rpm N] [--tpm N] [--ips a,b]',
    what: 'a new key, shown once',
    words: [1],
    options: {
      ...projectOption,
      ...Object.fromEntries(Object.keys(rights).map((name) => [name, { type: 'string' }])),
    },
    run: async (input) => {
      const body = { name: input.words[0], ...rightsOf(input.options) };
      const data = await input.api.post(await keysPath(input), body);
      return { data, columns: keyColumns, rows: [keyRow(data)], note: keyNote(data) };
    },
  },
  {
    name: ['keys', 'rotate'],
    form: 'keys rotate ID [--project ID] [--overlap SECONDS]',
    what: 'a new key with the same rights; the old one works on for the overlap',
    words: [1],
    options: { ...projectOption, overlap: { type: 'string' } },
    run: async (input) => {
      const { overlap } = input.options;
      const body = overlap === undefined ? {} : { overlap_seconds: numberOption('overlap', overlap) };
      const data = await input.api.post(`${await keysPath(input)}/${idOf(input.words[0])}/rotate`, body);
      return { data, columns: keyColumns, rows: [keyRow(data)], note: keyNote(data) };
    },
  },
  {
    name: ['keys', 'revoke'],
    form: 'keys revoke ID [--project ID]',
    what: 'refuse it everywhere, at once; calls that run end properly',
    words: [1],
    options: projectOption,
    run: async (input) => {
      const data = await input.api.delete(`${await keysPath(input)}/${idOf(input.words[0])}`);
      return { data, note: `${data.id} is revoked` };
    },
  },
];
