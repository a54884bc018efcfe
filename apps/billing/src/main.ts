import { runMain } from '#libs/runtime';
import { billingApp } from './billing.app.js';

await runMain(billingApp, process.env);
