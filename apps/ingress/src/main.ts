import { runMain } from '#libs/runtime';
import { ingressApp } from './ingress.app.js';

await runMain(ingressApp, process.env);
