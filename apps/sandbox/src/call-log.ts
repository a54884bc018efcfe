import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import type { WireUsage } from './answer.js';

/** How a call ended: as planned, left by its client, or broken off by the fault that was asked for. */
export type CallOutcome = 'finished' | 'aborted' | 'broken';

/** Of an answer that generates nothing. */
export interface InputUsage {
  readonly prompt_tokens: number;
  readonly total_tokens: number;
}

export interface CallStarted {
  /** Also the `x-request-id` of the answer. */
  readonly call_id: string;
  readonly model: string;
  readonly stream: boolean;
  /** The caller's headers `x-request-id` and `x-modapi-attempt-id`. */
  readonly request_id: string | null;
  readonly attempt_id: string | null;
}

export interface CallEnded {
  readonly call_id: string;
  readonly model: string;
  readonly stream: boolean;
  readonly request_id: string | null;
  readonly attempt_id: string | null;
  readonly status: number;
  readonly outcome: CallOutcome;
  /** What was generated until then; null where nothing was. */
  readonly usage: WireUsage | InputUsage | null;
}

export interface CallLog {
  started(entry: CallStarted): void;
  ended(entry: CallEnded): void;
  close(): void;
}

/** The upstream's own account of its calls, one JSON line per start and end, for tests to compare usage records with. */
export function openCallLog(path: string | undefined): CallLog {
  if (path === undefined) return { started: nothing, ended: nothing, close: nothing };
  const file = openSync(path, 'a');
  let isOpen = true;
  // Synchronous and on disk, on purpose: a call that was answered is in the log, whoever is killed next.
  const write = (event: string, entry: CallStarted | CallEnded): void => {
    if (!isOpen) return;
    writeSync(file, `${JSON.stringify({ event, at: Date.now(), ...entry })}\n`);
    fdatasyncSync(file);
  };
  return {
    started: (entry) => write('started', entry),
    ended: (entry) => write('ended', entry),
    close: () => {
      if (isOpen) closeSync(file);
      isOpen = false;
    },
  };
}

function nothing(): void {}
