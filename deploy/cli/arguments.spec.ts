import { describe, expect, it } from '@jest/globals';

interface Command {
  readonly name: readonly string[];
  readonly form: string;
}
interface Parsed {
  readonly command: Command;
  readonly words: readonly string[];
}
interface Arguments {
  readonly parseCommand: (argv: readonly string[], commands: readonly object[]) => Parsed;
  readonly nanosArgument: (text: string) => string;
}
const { parseCommand, nanosArgument }: Arguments = await import('./arguments.mjs' as string);
const { commands }: { commands: readonly Command[] } = await import('./commands.mjs' as string);

const parse = (...argv: string[]): string => parseCommand(argv, commands).command.form;

describe('a command line', () => {
  it.each(['orgs', 'projects', 'keys', 'budgets'])('lists for a noun alone: %s', (noun) => {
    expect(parse(noun)).toBe(parse(noun, 'list'));
    expect(() => parse(noun, 'nothing')).toThrow('unknown command');
    expect(() => parse(noun, '--help')).toThrow(`modapi ${noun} create`);
  });

  it('has no list of what is no list', () => {
    expect(parse('balance')).toBe('balance');
    expect(() => parse('list')).toThrow('unknown command: list');
  });

  it.each(['-5', '-.5', '-0'])('takes %s for a number below zero, not for an option', (text) => {
    expect(() => parse('topup', text)).toThrow(`${text}: nothing here takes a number below zero`);
    expect(() => parse('topup', '--', text)).toThrow('below zero');
  });
});

describe('commands', () => {
  it('have names of their own, and a form that begins with it', () => {
    const names = commands.map(({ name }) => name.join(' '));
    expect(new Set(names).size).toBe(names.length);
    for (const { name, form } of commands) expect(`${form} `).toMatch(new RegExp(`^${name.join(' ')} `));
  });
});

describe('an amount', () => {
  it('is nano-dollars, or is said to be too much or none', () => {
    expect(nanosArgument('999999999.999999999')).toBe('999999999999999999');
    for (const text of ['1000000000', '99999999999999', '$1000000000.5']) {
      expect(() => nanosArgument(text)).toThrow(`${text} is too much: at most 999999999.999999999 $ at once`);
    }
    for (const text of ['', 'all', '1e12', '1,000,000,000']) expect(() => nanosArgument(text)).toThrow('is no amount');
  });
});
