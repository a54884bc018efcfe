import { type Caller, keyLookupSubject, type KeyPolicy, parseApiKey } from '#libs/contracts';
import type { Bus, CallHandle, OutgoingCall, ReplySink, Server } from '#libs/messaging';
import { FakeBilling } from './fake-billing.js';

/** What a test does with a call: it plays the server. */
export type Play = (call: PlayedCall) => void;

/** One call as the test sees it. */
export class PlayedCall implements CallHandle {
  granted = 0;
  cancelled: string | undefined;

  constructor(
    readonly request: OutgoingCall,
    readonly sink: ReplySink,
  ) {}

  grant(bytes: number): void {
    this.granted += bytes;
  }

  cancel(reason: string): void {
    this.cancelled = reason;
  }

  /** A whole JSON answer. */
  answer(body: object, status = 200): void {
    this.sink.onHead({ status, headers: { 'content-type': 'application/json' } });
    this.sink.onData(Buffer.from(JSON.stringify(body)));
    this.sink.onEnd({ attempts: 1, provider: 'acme' });
  }

  data(text: string): void {
    this.sink.onData(Buffer.from(text));
  }

  openStream(): void {
    this.sink.onHead({ status: 200, headers: { 'content-type': 'text/event-stream' } });
  }
}

/** A bus with a test behind it. Knows keys by their digest; counts what reaches a worker. */
export class FakeBus implements Bus {
  readonly kind = 'in-process';
  connected = true;
  readonly billing = new FakeBilling();
  /** Calls to workers; look-ups of keys are counted apart, and what the ledger is asked is in `billing`. */
  readonly calls: PlayedCall[] = [];
  lookups = 0;
  readonly events: { subject: string; event: unknown }[] = [];
  play: Play = (call) => call.answer({ id: 'chatcmpl-1', object: 'chat.completion' });
  playLookup: (digest: string, sink: ReplySink) => void = (digest, sink) => {
    const caller = this.callers.get(digest) ?? null;
    const policy = caller && (this.policies.get(digest) ?? this.usualPolicy);
    sink.onEnd({ caller, policy, refusal: this.refusals.get(digest) ?? null });
  };
  readonly callers = new Map<string, Caller>();
  /** Of the keys that have none of their own. */
  usualPolicy: KeyPolicy = openPolicy;
  readonly policies = new Map<string, KeyPolicy>();
  readonly refusals = new Map<string, string>();
  private readonly listeners = new Map<string, ((payload: unknown) => void)[]>();

  call(request: OutgoingCall, sink: ReplySink): CallHandle {
    const call = new PlayedCall(request, sink);
    if (request.subject === keyLookupSubject) {
      this.lookups++;
      queueMicrotask(() => this.playLookup((request.head as { digest: string }).digest, sink));
      return call;
    }
    if (this.billing.answers(request, sink)) return call;
    this.calls.push(call);
    queueMicrotask(() => this.play(call));
    return call;
  }

  broadcast(subject: string, payload: object): void {
    for (const listener of this.listeners.get(subject) ?? []) listener(payload);
  }

  onBroadcast(subject: string, handler: (payload: unknown) => void): Server {
    this.listeners.set(subject, [...(this.listeners.get(subject) ?? []), handler]);
    return { stop: () => Promise.resolve() };
  }

  publishEvent(subject: string, event: object): Promise<void> {
    this.events.push({ subject, event });
    return Promise.resolve();
  }

  serve(): Server {
    throw new Error('nothing is served here');
  }

  consumeEvents(): Promise<Server> {
    throw new Error('nothing is consumed here');
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }

  finishCalls(): Promise<void> {
    return Promise.resolve();
  }

  drain(): Promise<void> {
    return Promise.resolve();
  }
}

export function callerOf(key: string, scope: Caller['scope'] = 'inference'): Caller {
  const keyId = parseApiKey(key)?.id ?? 'key_unknown';
  return { keyId, organizationId: 'org_1', projectId: 'proj_1', scope, operator: false, billingMode: 'postpaid' };
}

/** Any model, from anywhere, for ever, postpaid. */
export const openPolicy: KeyPolicy = {
  models: null,
  ipAllowList: null,
  expiresAt: null,
  needsHold: false,
  limits: [],
  prices: {},
};
