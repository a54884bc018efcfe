import { Controller } from '@nestjs/common';
import { authorizeRequest, authorizeSubject, GatewayError } from '#libs/contracts';
import type { IncomingCall } from '#libs/messaging';
import { Serves } from '#libs/runtime';
import { LedgerWriter, type WantedHold } from './ledger-writer.js';
import { readBody, sendJson } from './json-call.js';

/** Lets requests in, or tells why not. */
@Controller()
export class AuthorizeHandler {
  constructor(private readonly writer: LedgerWriter) {}

  @Serves(authorizeSubject)
  async authorize(call: IncomingCall): Promise<void> {
    const { items, snapshots } = readBody(authorizeRequest, call.body);
    const wanted = items.map((item): WantedHold => {
      const snapshot = Object.hasOwn(snapshots, item.priceSnapshotId) ? snapshots[item.priceSnapshotId] : undefined;
      if (!snapshot) throw new GatewayError('bad_request', `The price snapshot of ${item.requestId} is missing.`);
      return { item, snapshot };
    });
    sendJson(call, { results: await Promise.all(wanted.map((one) => this.writer.authorize(one, call.deadlineMs))) });
  }
}
