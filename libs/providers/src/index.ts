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
/** A `fetch` for vendors' packages that goes through the egress client. */
export {
  type EgressFetch,
  type EgressFetchOptions,
  EgressRefusedError,
  openEgressFetch,
} from './egress/egress-fetch.js';
/** Vendors' own protocols. */
export type * from './dialect.js';
/** What a failed call in a vendor's own protocol means. */
export { failureOfDialect } from './dialect-failure.js';
/** What of an upstream's headers is used or passed on. */
export { headerText, relayedHeaders, upstreamRequestId } from './egress/response-headers.js';
/** A call that failed below HTTP. */
export { UpstreamError, type UpstreamErrorKind } from './egress/upstream-error.js';
/** Which addresses may be called at a stranger's word. */
export { addressRules, AddressRules, type AddressVerdict } from './media/address-rules.js';
/** An image in a `data:` URL: looked at, or decoded. */
export { checkDataUrl, invalidImage, readDataUrl } from './media/data-url.js';
/** What files are, by their content. */
export { contentTypeOf, imageProblem, type MediaKind } from './media/media-bytes.js';
/** Fetches what a caller's URL names, and reaches nothing private. */
export { type FetchMediaOptions, MediaFetcher, type MediaFetcherOptions } from './media/media-fetcher.js';
/** Judges a caller's URL by its text. */
export { checkMediaUrl, isDataUrl, type MediaUrlCheck, requireMediaUrl, urlNotAllowed } from './media/media-url.js';
/** A whole answer: checked, metered, its `model` replaced. */
export { type ChatAnswer, type NoAnswer, readChatAnswer } from './openai-compatible/chat-answer.js';
/** The upstream's body: the caller's bytes, spliced. */
export { chatRequestBody, type ChatRequest } from './openai-compatible/chat-request.js';
/** A streamed answer: checked, metered, its `model` replaced. */
export { ChatStream, type ChatStreamOptions, type StreamFault } from './openai-compatible/chat-stream.js';
/** Requests for embeddings and their answers, of which the vectors are not touched. */
export { EmbeddingsAnswer, type EmbeddingsForm, renderEmbeddings } from './openai-compatible/embeddings-answer.js';
export { EmbeddingsRequest } from './openai-compatible/embeddings-request.js';
/** A JSON body with another model in it. */
export { spliceModel } from './openai-compatible/json-edits.js';
/** Rankings, in the one shape for all vendors. */
export {
  type Ranked,
  readRerankAnswer,
  readRerankRequest,
  renderRerank,
  type RerankAnswer,
  type RerankAsk,
  type RerankForm,
  rerankRequestBody,
} from './openai-compatible/rerank.js';
/** Audio: tokens and seconds that a provider reports, media types of speech. */
export { audioTokens, reportedSeconds } from './openai-compatible/audio-usage.js';
export { speechContentType, speechFormatOf } from './vendor-audio/audio-formats.js';
/** A caller's form for an upstream. */
export { type FormBody, formBody, formRequest } from './openai-compatible/form-body.js';
/** A stream of typed events: passed on, and read beside. */
export { TypedEvents, type TypedEventsFault, type TypedEventsOptions } from './openai-compatible/typed-events.js';
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
/** Files that a chat names by URL. */
export { type RemoteMedia, remoteMediaIn, withMedia } from './openai-compatible/remote-media.js';
/** Our units of a provider's report. */
export { usageOf } from './openai-compatible/usage.js';
export * from './provider.js';
/** A configured provider with its credential. */
export { Upstream, type UpstreamRequest, type UpstreamSettings, type UpstreamTimeouts } from './upstream.js';
/** Images on OpenAI's wire: requests, whole answers, streams. */
export {
  type AnsweredImage,
  type ImageAnswer,
  type ImageMember,
  memberBase64,
  memberText,
  readImageAnswer,
} from './openai-compatible/image-answer.js';
export { ImageEvents, type ImageFault } from './openai-compatible/image-events.js';
export { imageRequestBody, refusesResponseFormat, unsupportedParameter } from './openai-compatible/image-request.js';
export { openAiImageUsage } from './openai-compatible/image-usage.js';
/** What vendors' image models take. */
export { type AskedDrawing, type DrawRules, fitDrawing } from './drawing/draw-rules.js';
