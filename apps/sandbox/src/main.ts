import { runMain } from '#libs/runtime';
import { sandboxApp } from './sandbox.app.js';

await runMain(sandboxApp, process.env);
