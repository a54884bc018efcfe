import type { FlowStep } from '#libs/inference';
import {
  type FailureContext,
  failureOfErrorObject,
  failureOfGarbage,
  type TypedEvents,
  type UpstreamFailure,
} from '#libs/providers';

/** A piece of an upstream's own events, as it goes on to the caller. */
export function passedOn(events: TypedEvents, chunk: Buffer, context: FailureContext): FlowStep {
  const write = events.push(chunk);
  return { ...(write && { write }), ...(events.done && { done: true }), ...failureOfEvents(events, context) };
}

/** What a fault of an event stream means. */
function failureOfEvents({ fault }: TypedEvents, context: FailureContext): { failure?: UpstreamFailure } {
  if (!fault) return {};
  return { failure: fault.kind === 'error' ? failureOfErrorObject(fault.error, context) : failureOfGarbage(context) };
}
