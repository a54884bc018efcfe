/** Words that all processes share: endpoints, errors, usage, callers, subjects. */
export * from './api-key.js';
export * from './caller.js';
export * from './endpoint.js';
export * from './endpoints/index.js';
export * from './gateway-config.js';
export * from './gateway-error.js';
export * from './inference-call.js';
export * from './usage.js';
