// `modapi budgets …`: ceilings of what may be spent.
import { idOf } from './api.mjs';
import { nanosArgument, UsageError } from './arguments.mjs';
import { dollarsOfNanos } from './money.mjs';
import { projectOption } from './projects.mjs';

const periods = ['day', 'month', 'total'];
const columns = ['id', 'of', 'period', 'budget $', 'spent $', 'held $'];

function budgetRow(budget) {
  const amounts = [budget.amount_nano_usd, budget.spent_nano_usd, budget.held_nano_usd];
  return [budget.id, budget.scope_id, budget.period, ...amounts.map(dollarsOfNanos)];
}

function scopeOf({ project, key }) {
  if (project && key) throw new UsageError('--project or --key: a budget has one of them (neither: the organization)');
  if (project) return { scope: 'project', scope_id: project };
  return key ? { scope: 'api_key', scope_id: key } : { scope: 'organization' };
}

export const budgetCommands = [
  {
    name: ['budgets', 'list'],
    form: 'budgets list',
    what: 'budgets, and what was spent of them',
    run: async ({ api }) => {
      const data = await api.all('organization/budgets');
      return { data, columns, rows: data.map(budgetRow) };
    },
  },
  {
    name: ['budgets', 'create'],
    form: 'budgets create DOLLARS --period day|month|total [--project ID|--key ID]',
    what: 'spend no more in a UTC day or month, or ever',
    words: [1],
    options: { ...projectOption, key: { type: 'string' }, period: { type: 'string' } },
    run: async ({ api, words: [dollars], options }) => {
      const { period } = options;
      if (!periods.includes(period)) throw new UsageError(`--period is one of ${periods.join(', ')}`);
      const body = { ...scopeOf(options), period, amount_nano_usd: nanosArgument(dollars) };
      const data = await api.post('organization/budgets', body);
      return { data, columns, rows: [budgetRow(data)] };
    },
  },
  {
    name: ['budgets', 'delete'],
    form: 'budgets delete ID',
    what: 'spend without it',
    words: [1],
    run: async ({ api, words: [id] }) => {
      const data = await api.delete(`organization/budgets/${idOf(id)}`);
      return { data, note: `${data.id} is deleted` };
    },
  },
];
