#!/usr/bin/env node
// `modapi`: organizations, keys, money and reports from a shell. Speaks the management API and nothing else.
import { ApiError, connect } from './api.mjs';
import { parseCommand, UsageError } from './arguments.mjs';
import { commands } from './commands.mjs';
import { json, printable, render } from './render.mjs';

async function main() {
  const { command, words, options } = parseCommand(process.argv.slice(2), commands);
  const api = connect(options);
  const result = await command.run({ api, words, options });
  process.stdout.write(options.json ? json(result.data) : render(result));
  if (result.failed) process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  if (error instanceof UsageError) {
    (error.isHelp ? process.stdout : process.stderr).write(`${printable(error.message)}\n`);
    process.exitCode = error.isHelp ? 0 : 2;
  } else if (error instanceof ApiError) {
    process.stderr.write(`${printable(error.message)}\n`);
    process.exitCode = 1;
  } else {
    throw error;
  }
}
