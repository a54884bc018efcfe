/** Words that all processes share: endpoints, errors, usage, callers, subjects. */
export * from './api-key.js';
export * from './caller.js';
export * from './endpoint.js';
export * from './endpoints/index.js';
export * from './gateway-config.js';
export * from './gateway-error.js';
export * from './holds.js';
export * from './idempotency.js';
export * from './inference-call.js';
export * from './media-link.js';
export * from './organization/index.js';
export * from './usage.js';
