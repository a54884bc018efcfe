import type { CallEnded, CallLog, CallOutcome } from '../call-log.js';
import type { HttpCall } from './http-call.js';

/** Writes a call into the log: its start at once, its end at most once. */
export class CallRecord {
  private isOpen = true;
  private readonly entry;

  constructor(
    private readonly callLog: CallLog,
    call: HttpCall,
    { name, stream }: { name: string; stream: boolean },
  ) {
    this.entry = {
      call_id: call.id,
      model: name,
      stream,
      request_id: call.header('x-request-id') ?? null,
      attempt_id: call.header('x-modapi-attempt-id') ?? null,
    };
    callLog.started(this.entry);
  }

  end(status: number, outcome: CallOutcome, usage: CallEnded['usage']): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.callLog.ended({ ...this.entry, status, outcome, usage });
  }
}
