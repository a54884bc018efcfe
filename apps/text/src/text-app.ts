import { plainWorkerApp } from '#libs/inference';
import { ChatCompletionsHandler } from './chat-completions.handler.js';

/** The text worker. */
export const textApp = plainWorkerApp('text', [ChatCompletionsHandler]);
