/** The image worker. */
export { imageApp } from './image-app.js';
