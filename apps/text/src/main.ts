import 'reflect-metadata';
import { runMain } from '#libs/runtime';
import { textApp } from './text-app.js';

await runMain(textApp, process.env);
