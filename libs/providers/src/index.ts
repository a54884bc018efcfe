/** Talking to upstream vendors: their data, the egress client, the OpenAI-compatible passthrough. */
export * from './provider.js';
