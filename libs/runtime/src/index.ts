/** Starting, stopping and configuring a process. */
export * from './app-definition.js';
export { gatewayConfigSchema } from './config-schema.js';
export { type Environment, nearest } from './environment.js';
export { type EnvironmentRow, environmentTable } from './environment-table.js';
export { FileLiveConfig } from './file-live-config.js';
export * from './live-config.js';
export { listenProblem } from './nest-application.js';
export { createSecretReader, type ReadSecret } from './read-secret.js';
export { orExit, runMain, type Stoppable, stopOnSignals } from './run-main.js';
export { Serves } from './serves.js';
export { startApps, type StartOptions } from './start-apps.js';
export { StartError } from './start-error.js';
