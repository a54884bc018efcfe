import {
  type AuthorizeItem,
  type AuthorizeRequest,
  type AuthorizeResult,
  authorizeSubject,
  type HoldChange,
  holdChangesSubject,
  type IdempotencyFetchRequest,
  idempotencyFetchSubject,
  type IdempotencyStoreRequest,
  idempotencyStoreSubject,
  type PriceSnapshot,
} from '#libs/contracts';
import { CallError, type OutgoingCall, type ReplySink } from '#libs/messaging';

type Storing = { readonly head: IdempotencyStoreRequest; readonly body: string };
type Stored = { readonly status: number; readonly headers: Record<string, string>; readonly body: string };

/** The ledger with a test behind it: lets everything in, grants every change, and remembers what it was asked. */
export class FakeBilling {
  readonly authorized: AuthorizeItem[] = [];
  readonly snapshots: Record<string, PriceSnapshot> = {};
  readonly changes: HoldChange[] = [];
  readonly stored: Storing[] = [];
  readonly fetched: IdempotencyFetchRequest[] = [];
  playAuthorize: (item: AuthorizeItem) => AuthorizeResult | CallError | Promise<AuthorizeResult> = () => ({
    outcome: 'authorized',
  });
  playStore: () => CallError | Promise<void> | undefined = () => undefined;
  playFetch: (head: IdempotencyFetchRequest) => Stored | CallError = () => new CallError('no_responders', 'nobody');

  /** Request ids of the holds that were given back. */
  get released(): readonly string[] {
    return this.changes.filter(({ kind }) => kind === 'release').map(({ requestId }) => requestId);
  }

  /** False for a call that is none of the ledger's. */
  answers(request: OutgoingCall, sink: ReplySink): boolean {
    const server = this.servers[request.subject];
    if (!server) return false;
    server(request).then(
      ({ status, headers, body }) => {
        sink.onHead({ status, headers });
        if (body !== '') sink.onData(Buffer.from(body));
        sink.onEnd({});
      },
      (error: CallError) => sink.onError(error),
    );
    return true;
  }

  private readonly servers: Record<string, (request: OutgoingCall) => Promise<Stored>> = {
    [authorizeSubject]: async ({ body }) => {
      const { items, snapshots } = JSON.parse(textOf(body)) as AuthorizeRequest;
      this.authorized.push(...items);
      Object.assign(this.snapshots, snapshots);
      const results = await Promise.all(items.map(async (item) => thrown(await this.playAuthorize(item))));
      return jsonOf({ results });
    },
    [holdChangesSubject]: ({ body }) => {
      const { items } = JSON.parse(textOf(body)) as { items: HoldChange[] };
      this.changes.push(...items);
      return Promise.resolve(jsonOf({ granted: items.map(() => true) }));
    },
    [idempotencyStoreSubject]: async ({ head, body }) => {
      this.stored.push({ head: head as IdempotencyStoreRequest, body: textOf(body) });
      thrown(await this.playStore());
      return jsonOf({});
    },
    [idempotencyFetchSubject]: async ({ head }) => {
      this.fetched.push(head as IdempotencyFetchRequest);
      return thrown(this.playFetch(head as IdempotencyFetchRequest));
    },
  };
}

function textOf(body: OutgoingCall['body']): string {
  return Buffer.from(body as Uint8Array).toString(); // the ledger's calls have no body from a source
}

function thrown<T>(value: T | CallError): T {
  if (value instanceof CallError) throw value;
  return value;
}

function jsonOf(body: object): Stored {
  return { status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}
