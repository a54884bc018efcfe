import type { CallLog, CallOutcome } from '../call-log.js';
import { type Delivery, deliver, eventStream } from '../delivery.js';
import { WireError } from '../wire-error.js';
import type { HttpCall } from './http-call.js';

export interface MediaAnswer {
  readonly contentType: string;
  readonly parts: readonly (string | Uint8Array)[];
  /** Between two parts; 0 sends them at once. */
  readonly partDelayMs: number;
}

/** One call of a media model: in the log, answered, in the log again. */
export async function sendMedia(
  call: HttpCall,
  callLog: CallLog,
  named: { readonly model: string; readonly stream: boolean },
  answer: () => Promise<MediaAnswer>,
): Promise<void> {
  const record = recordOf(call, callLog, named);
  try {
    const { contentType, parts, partDelayMs } = await answer();
    const gone = new AbortController();
    call.response.once('close', () => {
      record.end(200, 'aborted');
      gone.abort();
    });
    if (call.response.destroyed) {
      record.end(200, 'aborted');
      return;
    }
    const observer = { beforeEnd: () => record.end(200, 'finished'), sent: () => undefined };
    const headers = { ...call.answerHeaders(), 'content-type': contentType };
    await deliver({ ...usual, headers, parts, partDelayMs }, call.response, observer, gone.signal);
  } catch (error) {
    record.end(error instanceof WireError ? error.status : 500, 'finished');
    throw error;
  }
}

/** An event of OpenAI's streams that name their type. */
export function namedEvent<Event extends { readonly type: string }>(event: Event): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

export { eventStream };

const usual: Omit<Delivery, 'headers' | 'parts' | 'partDelayMs'> = {
  status: 200,
  texts: [],
  firstPartDelayMs: 0,
  ending: 'end',
  outcome: 'finished',
};

/** Its end is written at most once. */
function recordOf(call: HttpCall, callLog: CallLog, named: { readonly model: string; readonly stream: boolean }) {
  let isOpen = true;
  const entry = {
    call_id: call.id,
    ...named,
    request_id: call.header('x-request-id') ?? null,
    attempt_id: call.header('x-modapi-attempt-id') ?? null,
  };
  callLog.started(entry);
  return {
    end(status: number, outcome: CallOutcome): void {
      if (!isOpen) return;
      isOpen = false;
      callLog.ended({ ...entry, status, outcome, usage: null });
    },
  };
}
