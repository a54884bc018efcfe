/** The text worker: chat completions. */
export { textApp } from './text-app.js';
