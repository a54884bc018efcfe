// `modapi audit`: who changed what.
import { timeText } from './render.mjs';

const shown = 50;

export const audit = {
  name: ['audit'],
  form: 'audit',
  what: `the last ${shown} changes, and by which key`,
  run: async ({ api }) => {
    const { data } = await api.get('organization/audit_logs', { limit: shown });
    const rows = data.map((entry) => [
      timeText(entry.effective_at),
      entry.type,
      entry.actor.api_key.id,
      entry.project?.name,
      JSON.stringify(entry[entry.type]),
    ]);
    return { data, columns: ['time', 'what', 'by', 'project', 'details'], rows };
  },
};
