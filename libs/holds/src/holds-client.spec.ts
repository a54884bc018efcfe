import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type AuthorizeItem,
  type AuthorizeRequest,
  authorizeRequest,
  authorizeSubject,
  GatewayError,
  type HoldChange,
  holdChangesRequest,
  holdChangesSubject,
  type PriceSnapshot,
} from '#libs/contracts';
import { type Bus, createInProcessBus, type IncomingCall } from '#libs/messaging';
import { HoldsClient } from './holds-client.js';

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined, debug: () => undefined };
let bus: Bus;
let client: HoldsClient;
let authorizations: AuthorizeRequest[];
let changes: HoldChange[];

beforeEach(() => {
  bus = createInProcessBus();
  client = new HoldsClient(bus, silent, { renewMs: 10 });
  authorizations = [];
  changes = [];
  bus.serve(authorizeSubject, 'billing', (call) => {
    const request = authorizeRequest.parse(JSON.parse(Buffer.from(call.body).toString()));
    authorizations.push(request);
    answer(call, { results: request.items.map(() => ({ outcome: 'authorized' })) });
  });
  bus.serve(holdChangesSubject, 'billing', (call) => {
    const { items } = holdChangesRequest.parse(JSON.parse(Buffer.from(call.body).toString()));
    changes.push(...items);
    answer(call, { granted: items.map((item) => item.kind !== 'extend') });
  });
});

afterEach(async () => {
  client.stop();
  await bus.drain(100);
});

function answer(call: IncomingCall, reply: object): void {
  call.sendHead({ status: 200, headers: {} });
  call.write(Buffer.from(JSON.stringify(reply)));
  call.end();
}

function itemOf(requestId: string, priceSnapshotId: string): AuthorizeItem {
  const ids = { organizationId: 'org_1', projectId: 'proj_1', keyId: 'key_1' };
  return { requestId, ...ids, endpoint: 'e', model: 'm', holdNanos: '1', priceSnapshotId, idempotency: null };
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('it did not happen within 5 s');
    await sleep(2);
  }
}

const renewals = (requestId: string): number =>
  changes.filter((item) => item.kind === 'renew' && item.requestId === requestId).length;

describe('the client of the ledger', () => {
  it('sends each price snapshot once per message', async () => {
    const snapshot: PriceSnapshot = { model: 'm', prices: { 'p/m': { input: '1' } } };
    const items = [itemOf('req_1', 'a'), itemOf('req_2', 'a'), itemOf('req_3', 'b')];
    const results = await Promise.all(items.map((item) => client.authorize(item, snapshot)));
    expect(results).toEqual([{ outcome: 'authorized' }, { outcome: 'authorized' }, { outcome: 'authorized' }]);
    expect(authorizations).toEqual([{ snapshots: { a: snapshot, b: snapshot }, items }]);
  });

  it('tells whether a change was granted', async () => {
    const intent = { kind: 'intent', requestId: 'r', attemptId: 'r#2', provider: 'p', upstreamModel: 'm' } as const;
    expect(await client.change(intent)).toBe(true);
    expect(await client.change({ kind: 'extend', requestId: 'r', step: 1, nanos: '5' })).toBe(false);
  });

  it('releases without being waited for', async () => {
    client.release('req_1');
    await until(() => changes.length === 1);
    expect(changes).toEqual([{ kind: 'release', requestId: 'req_1' }]);
  });

  it('renews a lease until the last of those who run the request lets go', async () => {
    const [first, second] = [client.keep('req_1'), client.keep('req_1')];
    await until(() => renewals('req_1') >= 2);
    first();
    first();
    const before = renewals('req_1');
    await until(() => renewals('req_1') >= before + 2);
    second();
    client.keep('req_2');
    // A renewal may have been on its way when it was let go.
    await until(() => renewals('req_2') >= 1);
    const after = renewals('req_1');
    await until(() => renewals('req_2') >= 4);
    expect(renewals('req_1')).toBe(after);
  });

  it('goes on renewing after renewals that failed', async () => {
    await bus.drain(100);
    const other = createInProcessBus();
    const own = new HoldsClient(other, silent, { renewMs: 10 });
    let failures = 0;
    other.serve(holdChangesSubject, 'billing', (call) => {
      if (failures++ < 4) call.fail(new GatewayError('ledger_unavailable', 'away').toJson());
      else {
        changes.push(...holdChangesRequest.parse(JSON.parse(Buffer.from(call.body).toString())).items);
        answer(call, { granted: [true] });
      }
    });
    own.keep('req_1');
    await until(() => renewals('req_1') >= 2);
    own.stop();
    await other.drain(100);
  });
});
