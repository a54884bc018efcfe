// `npm run seed:usage`: usage by the million, and how fast the reports are over it. Builds first, when needed.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { prepare, root, runtimeNode } from './prepare.mjs';

await prepare();
const program = join(root, 'dist', 'deploy', 'local', 'seed-usage-main.js');
const child = spawn(runtimeNode(), [program, ...process.argv.slice(2)], { stdio: 'inherit' });
child.on('exit', (code) => (process.exitCode = code ?? 1));
