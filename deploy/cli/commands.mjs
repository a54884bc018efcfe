// What `modapi` can do, as a list.
import { audit } from './audit.mjs';
import { billingCommands } from './billing.mjs';
import { budgetCommands } from './budgets.mjs';
import { doctor } from './doctor.mjs';
import { keyCommands } from './keys.mjs';
import { organizationCommands } from './organizations.mjs';
import { projectCommands } from './projects.mjs';
import { costs, usage } from './reports.mjs';

/** @type {readonly { name: string[], form: string, what: string, words?: number[], options?: object, run: Function }[]} */
export const commands = [
  ...organizationCommands,
  ...projectCommands,
  ...keyCommands,
  ...budgetCommands,
  ...billingCommands,
  usage,
  costs,
  audit,
  doctor,
];
