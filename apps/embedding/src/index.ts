/** The embedding worker. */
export { embeddingApp } from './embedding-app.js';
