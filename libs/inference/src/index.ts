/** What every worker app shares: a request's attempts, their usage events, its hold, its spans. */
/** An endpoint's attempts, and what one is. */
export type {
  AnswerReport,
  Attempt,
  AttemptEnd,
  AttemptRoute,
  AttemptSource,
  EndpointWork,
  MeteredUsage,
  Target,
} from './attempt.js';
/** How bytes of an upstream become the caller's. */
export type { FlowReader, FlowStep, OpenAnswer, WholeAnswer, WholeReader } from './answer-reader.js';
/** An attempt on OpenAI's wire. */
export { RelayAttempt, type RelayOptions } from './relay-attempt.js';
/** An attempt in a vendor's own protocol. */
export { DialectAttempt, type DialectWork } from './dialect-attempt.js';
/** Headers and errors of an answer. */
export { answerHeaders, inBandError, namedInBandError, writeWhole } from './answer-sender.js';
export { balanceError, interruptedError, ledgerError } from './in-band-error.js';
/** How an attempt ends whose call was given up. */
export { abortOutcome } from './abort-outcome.js';
/** The hold of a call. */
export { CallHold } from './call-hold.js';
/** Where fault tests stop a worker. */
export { PausePoints, type PauseStage, pauseStages } from './pause-points.js';
/** What handlers hand their calls to. */
export { InferenceWorker } from './inference-worker.js';
/** A worker app out of its handlers. */
export { plainWorkerApp, type WorkerApp, workerApp } from './worker-app.js';
export { type WorkerEnvironment, workerEnvironment } from './worker-environment.js';
/** Tokens that no provider reported. */
export { countPrompt, countText, countTexts, type TokenCount } from './token-count.js';
