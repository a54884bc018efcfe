import type { AttemptOutcome } from '#libs/contracts';

/** By the reason of the call's signal; what is not here is the caller's doing. */
const outcomes: Readonly<Record<string, AttemptOutcome>> = { deadline: 'timeout', drain: 'shutdown' };

/** How an attempt ends whose call was given up. */
export function abortOutcome(signal: AbortSignal): AttemptOutcome {
  return outcomes[String(signal.reason)] ?? 'client_abort';
}
