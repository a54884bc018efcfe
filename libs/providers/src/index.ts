/** Talking to upstream vendors: their data, the egress client, the OpenAI-compatible passthrough. */
/** Presets, and the upstreams of a configuration. */
export { buildUpstreams, providers, type BuildUpstreamsOptions, type UpstreamsBuild } from './build-upstreams.js';
/** The one client that calls out. */
export {
  EgressClient,
  type EgressOptions,
  type UpstreamHandle,
  type UpstreamHeaders,
  type UpstreamSink,
} from './egress/egress-client.js';
/** What of an upstream's headers is used or passed on. */
export { headerText, relayedHeaders, upstreamRequestId } from './egress/response-headers.js';
/** A call that failed below HTTP. */
export { UpstreamError, type UpstreamErrorKind } from './egress/upstream-error.js';
/** A whole answer: checked, metered, its `model` replaced. */
export { type ChatAnswer, type NoAnswer, readChatAnswer } from './openai-compatible/chat-answer.js';
/** The upstream's body: the caller's bytes, spliced. */
export { chatRequestBody, type ChatRequest } from './openai-compatible/chat-request.js';
/** A streamed answer: checked, metered, its `model` replaced. */
export { ChatStream, type ChatStreamOptions, type StreamFault } from './openai-compatible/chat-stream.js';
/** Text kept to count tokens that no provider reported. */
export { DeliveredText } from './openai-compatible/delivered-text.js';
export type { FailureContext } from './openai-compatible/error-object.js';
/** What a failed call means: for the caller, and for the next attempt. */
export {
  failureOfAnswer,
  failureOfErrorObject,
  failureOfGarbage,
  failureOfTransport,
  finalError,
  type FailureKind,
  type UpstreamFailure,
} from './openai-compatible/upstream-failure.js';
/** Our units of a provider's report. */
export { usageOf } from './openai-compatible/usage.js';
export * from './provider.js';
/** A configured provider with its credential. */
export { Upstream, type UpstreamRequest, type UpstreamSettings, type UpstreamTimeouts } from './upstream.js';
