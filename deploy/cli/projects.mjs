// `modapi projects …`, and which project another command means.
import { idOf } from './api.mjs';
import { UsageError } from './arguments.mjs';
import { timeText } from './render.mjs';

export const projectOption = { project: { type: 'string', short: 'p' } };

/** The project that was named, or the only one there is. */
export async function projectOf({ api, options }) {
  if (options.project) return options.project;
  const projects = await api.all('organization/projects');
  if (projects.length === 1) return projects[0].id;
  throw new UsageError(`--project which? ${projects.map(({ id, name }) => `${id} (${name})`).join(', ')}`);
}

/** Archived ones too: they have a past. */
export const allProjects = (api) => api.all('organization/projects', { include_archived: true });

export const projectCommands = [
  {
    name: ['projects', 'list'],
    form: 'projects list',
    what: 'projects of the organization',
    run: async ({ api }) => {
      const data = await allProjects(api);
      const rows = data.map((one) => [one.id, one.name, one.status, timeText(one.created_at)]);
      return { data, columns: ['id', 'name', 'status', 'created'], rows };
    },
  },
  {
    name: ['projects', 'create'],
    form: 'projects create NAME',
    what: 'a new project',
    words: [1],
    run: async ({ api, words: [name] }) => {
      const data = await api.post('organization/projects', { name });
      return { data, note: data.id };
    },
  },
  {
    name: ['projects', 'archive'],
    form: 'projects archive ID',
    what: 'refuse its keys for good',
    words: [1],
    run: async ({ api, words: [id] }) => {
      const data = await api.post(`organization/projects/${idOf(id)}/archive`);
      return { data, note: `${data.id} is ${data.status}` };
    },
  },
];
