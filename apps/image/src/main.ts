import 'reflect-metadata';
import { runMain } from '#libs/runtime';
import { imageApp } from './image-app.js';

await runMain(imageApp, process.env);
