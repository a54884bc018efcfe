/** The sandbox as an app. */
export { sandboxApp } from './sandbox.app.js';
/** Injection token of the running server, whose `url` is where it listens. */
export { SANDBOX } from './sandbox.module.js';
/** Every model it serves, faults included. */
export { sandboxModels } from './served-models.js';
/** The server alone, without Nest: for tests, benches and the standalone. */
export { type RunningSandbox, type SandboxOptions, startSandbox } from './start-sandbox.js';
