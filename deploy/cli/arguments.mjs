// The command line of `modapi`.
import { parseArgs } from 'node:util';
import { mostDollars, nanosOfDollars } from './money.mjs';

const shared = {
  'base-url': { type: 'string' },
  'admin-key': { type: 'string' },
  organization: { type: 'string', short: 'o' },
  'data-dir': { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
};

const common = `
Everywhere:
  --json                 JSON for programs instead of a table
  -o, --organization ID  act for this organization (operator's key only)
  --base-url URL         default: $OPENAI_BASE_URL, else client.env of the data folder
  --admin-key KEY        default: $OPENAI_ADMIN_KEY, else client.env. A key on a command line is seen by other users.
  --data-dir FOLDER      of a gateway on this machine (default .modapi)`;

/** A longer form has a line of its own. */
const widest = 54;

/** Said to the user without a stack. */
export class UsageError extends Error {
  /** `isHelp`: it is what was asked for. */
  constructor(message, isHelp = false) {
    super(message);
    this.isHelp = isHelp;
  }
}

/** Dollars on the command line, or what is wrong with them. */
export function nanosArgument(text) {
  const nanos = nanosOfDollars(text);
  if (nanos !== undefined) return nanos;
  if (/^\$?\d{10,}(?:\.\d*)?$/.test(text))
    throw new UsageError(`${text} is too much: at most ${mostDollars} $ at once`);
  throw new UsageError(`${text} is no amount: write dollars such as 20 or 12.50`);
}

/** The whole number of an option. */
export function numberOption(option, text) {
  if (!/^\d{1,10}$/.test(text)) throw new UsageError(`--${option} takes a whole number, not ${text}`);
  return Number(text);
}

/** The words of an option, separated by commas. */
export const listOption = (_option, text) => text.split(',');

function overview(commands) {
  const width = Math.min(widest, Math.max(...commands.map(({ form }) => form.length)));
  const lines = commands.map(({ form, what }) => {
    const below = form.length > width ? `\n${' '.repeat('  modapi '.length + width)}` : '';
    return `  modapi ${form.padEnd(width)}${below}  ${what}`;
  });
  return `modapi: organizations, keys, money and reports of a ModAPI gateway\n\n${lines.join('\n')}\n${common}`;
}

/** @param {readonly string[]} argv */
export function parseCommand(argv, commands) {
  const options = Object.assign({}, shared, ...commands.map((command) => command.options ?? {}));
  let parsed;
  const negative = argv.find((word) => /^-[.\d]/.test(word));
  if (negative !== undefined) throw new UsageError(`${negative}: nothing here takes a number below zero`);
  try {
    parsed = parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(`${error.message}\n\n${overview(commands)}`);
  }
  const { positionals, values } = parsed;
  if (positionals.length === 0) throw new UsageError(overview(commands), values.help);
  const command = commandOf(positionals, values, commands);
  if (!command) {
    const near = commands.filter(({ name }) => name[0] === positionals[0]);
    if (values.help && near.length > 0) throw new UsageError(overview(near), true);
    throw new UsageError(`unknown command: ${positionals.join(' ')}\n\n${overview(near.length > 0 ? near : commands)}`);
  }
  if (values.help) throw new UsageError(`modapi ${command.form}\n  ${command.what}\n${common}`, true);
  refuseForeign(command, values);
  const words = positionals.slice(command.name.length);
  const [least, most = least] = command.words ?? [0];
  if (words.length < least || words.length > most) throw new UsageError(`usage: modapi ${command.form}`);
  return { command, words, options: values };
}

/** A noun alone lists. */
function commandOf(positionals, { help }, commands) {
  const words = positionals.length === 1 && !help ? [positionals[0], 'list'] : positionals;
  const find = (typed) => commands.find(({ name }) => name.every((word, index) => typed[index] === word));
  return find(positionals) ?? find(words);
}

/** An option of another command is a mistake, not a wish to be ignored. */
function refuseForeign(command, values) {
  for (const name of Object.keys(values)) {
    if (!(name in shared) && !(name in (command.options ?? {}))) {
      throw new UsageError(`--${name} means nothing here; usage: modapi ${command.form}`);
    }
  }
}
