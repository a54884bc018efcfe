import { type HoldChange, holdChangesRequest, holdChangesSubject } from '#libs/contracts';
import type { Bus, IncomingCall } from '#libs/messaging';

/** Billing's side of holds: records what workers ask for, and answers as the test says. */
export class ScriptedLedger {
  readonly changes: HoldChange[] = [];
  /** Undefined: no answer ever comes. */
  answer: (change: HoldChange) => boolean | undefined | Promise<boolean> = () => true;

  constructor(bus: Bus) {
    bus.serve(holdChangesSubject, 'billing', (call) => void this.serve(call));
  }

  /** What was asked for one request, oldest first. */
  of(requestId: string): HoldChange[] {
    return this.changes.filter((change) => change.requestId === requestId);
  }

  private async serve(call: IncomingCall): Promise<void> {
    const { items } = holdChangesRequest.parse(JSON.parse(Buffer.from(call.body).toString()));
    this.changes.push(...items);
    const granted = await Promise.all(items.map(async (item) => this.answer(item)));
    if (granted.includes(undefined)) {
      call.fail({ code: 'ledger_unavailable', message: 'no answer' });
      return;
    }
    call.sendHead({ status: 200, headers: {} });
    call.write(Buffer.from(JSON.stringify({ granted })));
    call.end();
  }
}
