/** Starting, stopping and configuring a process. */
export * from './app-definition.js';
export * from './live-config.js';
