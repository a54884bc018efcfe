import 'reflect-metadata';
import { runMain } from '#libs/runtime';
import { embeddingApp } from './embedding-app.js';

await runMain(embeddingApp, process.env);
