import { Controller } from '@nestjs/common';
import { holdChangesRequest, holdChangesSubject } from '#libs/contracts';
import type { IncomingCall } from '#libs/messaging';
import { Serves } from '#libs/runtime';
import { readBody, sendJson } from './json-call.js';
import { LedgerWriter } from './ledger-writer.js';

/** Further attempts, more money, longer leases, releases. */
@Controller()
export class HoldChangesHandler {
  constructor(private readonly writer: LedgerWriter) {}

  @Serves(holdChangesSubject)
  async change(call: IncomingCall): Promise<void> {
    const { items } = readBody(holdChangesRequest, call.body);
    sendJson(call, { granted: await Promise.all(items.map((item) => this.writer.change(item, call.deadlineMs))) });
  }
}
