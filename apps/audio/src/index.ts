/** The audio worker. */
export { audioApp } from './audio-app.js';
