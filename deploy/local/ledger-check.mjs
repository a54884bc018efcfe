// `npm run ledger:check`: installs and builds if needed, then checks the books of a running gateway.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { prepare, root, runtimeNode } from './prepare.mjs';

try {
  await prepare();
} catch (error) {
  process.stderr.write(`modapi: ${error.message}\n`);
  process.exit(1);
}
const command = [join(root, 'dist', 'deploy', 'local', 'ledger-check-main.js'), ...process.argv.slice(2)];
const child = spawn(runtimeNode(), command, { stdio: 'inherit' });
child.on('exit', (code) => process.exit(code ?? 1));
