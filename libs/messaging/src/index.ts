/** The bus: streaming calls (also of bodies that are read while they are sent), events, broadcasts. */
export * from './bus.js';
/** Nest on the bus: the transport strategy, its id, and the filter that keeps a handler's error as it is. */
export { BUS_TRANSPORT, BusStrategy, CallErrorFilter } from './bus-strategy.js';
/** A unary call as one promise. */
export { collectReply, type CollectedReply } from './collect-reply.js';
/** The bus of a gateway in one process. */
export { createInProcessBus, type InProcessBusOptions } from './in-process/in-process-bus.js';
/** The part of a logger that the bus needs. */
export type { MessagingLogger, MessagingLogFields } from './messaging-logger.js';
/** The bus of a cluster. */
export { connectNatsBus, type NatsBusOptions } from './nats/connect-nats-bus.js';
/** Jobs that wait: delays, retries, schedules; in Redis or in Postgres. */
export {
  type JobHandler,
  type JobInfo,
  type JobOptions,
  type JobQueue,
  type JobQueueOptions,
  openJobQueue,
} from './jobs/job-queue.js';
