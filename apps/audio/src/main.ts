import 'reflect-metadata';
import { runMain } from '#libs/runtime';
import { audioApp } from './audio-app.js';

await runMain(audioApp, process.env);
