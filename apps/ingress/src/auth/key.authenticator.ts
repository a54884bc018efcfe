import { createSecretKey, hash, type KeyObject } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import {
  type Caller,
  digestApiKey,
  GatewayError,
  keyChangedSubject,
  keyLookupReply,
  type KeyLookupReply,
  keyLookupSubject,
  type KeyPolicy,
  parseApiKey,
} from '#libs/contracts';
import { type Bus, CallError, collectReply, type Server } from '#libs/messaging';
import { invalidKey } from './credentials.js';

const freshMs = 30_000;
/** A known key is still good for so long while nobody answers look-ups. */
const staleMs = 60_000;
const unknownMs = 5_000;
const maxEntries = 10_000;
const lookupMs = 5_000;

interface Entry {
  readonly reply: KeyLookupReply;
  readonly freshUntil: number;
}

/** Whom a key speaks for, and what it may do. */
export interface Identity {
  readonly caller: Caller;
  readonly policy: KeyPolicy;
}

/**
 * Key → identity. Cached under the SHA-256 of the whole key (a part of it would let two keys share an identity), in two
 * bounded caches, so that a flood of unknown keys evicts no known one. Fails closed.
 */
export class KeyAuthenticator {
  private readonly pepper: KeyObject;
  private readonly known = new LRUCache<string, Entry>({ max: maxEntries, ttl: staleMs });
  private readonly unknown = new LRUCache<string, true>({ max: maxEntries, ttl: unknownMs });
  private readonly underWay = new Map<string, Promise<KeyLookupReply>>();
  private readonly changes: Server;
  /** Moves with every change, so that an answer from before it is not cached after it. */
  private generation = 0;

  constructor(
    private readonly bus: Bus,
    pepper: string,
  ) {
    this.pepper = createSecretKey(Buffer.from(pepper));
    this.changes = bus.onBroadcast(keyChangedSubject, (payload) => this.forget(payload));
  }

  /** At once for a key seen a moment ago, else a promise. Throws, or rejects with, a `GatewayError`. */
  authenticate(token: string): Identity | Promise<Identity> {
    const id = hash('sha256', token, 'base64url');
    const entry = this.known.get(id);
    if (entry && entry.freshUntil > performance.now()) return identityOf(entry.reply);
    if (!entry && (this.unknown.has(id) || parseApiKey(token) === undefined)) throw invalidKey();
    return this.lookUp(id, token, entry).then(identityOf);
  }

  async stop(): Promise<void> {
    await this.changes.stop();
  }

  private lookUp(id: string, token: string, stale: Entry | undefined): Promise<KeyLookupReply> {
    const running = this.underWay.get(id);
    if (running) return running;
    const lookup = this.ask(id, token)
      .catch((error: unknown) => {
        if (stale && this.known.has(id)) return stale.reply;
        throw unavailable(error);
      })
      .finally(() => this.underWay.delete(id));
    this.underWay.set(id, lookup);
    return lookup;
  }

  private async ask(id: string, token: string): Promise<KeyLookupReply> {
    const { generation } = this;
    const head = { digest: digestApiKey(token, this.pepper) };
    const request = { subject: keyLookupSubject, head, body: Buffer.alloc(0), deadlineMs: lookupMs };
    const { trailer } = await collectReply(this.bus, request);
    const reply = keyLookupReply.parse(trailer);
    if (generation === this.generation) this.remember(id, reply);
    return reply;
  }

  private remember(id: string, reply: KeyLookupReply): void {
    if (reply.caller === null && reply.refusal === null) {
      this.known.delete(id);
      this.unknown.set(id, true);
    } else {
      this.unknown.delete(id);
      this.known.set(id, { reply, freshUntil: performance.now() + freshMs });
    }
  }

  /** A change names its key or its organization, or everything is forgotten. */
  private forget(payload: unknown): void {
    this.generation++;
    this.unknown.clear();
    const { keyId, organizationId } = (payload ?? {}) as { keyId?: unknown; organizationId?: unknown };
    for (const [id, { reply }] of this.known) {
      const { caller } = reply;
      const isOther =
        caller !== null &&
        (typeof keyId === 'string' || typeof organizationId === 'string') &&
        caller.keyId !== keyId &&
        caller.organizationId !== organizationId;
      if (!isOther) this.known.delete(id);
    }
  }
}

function identityOf({ caller, policy, refusal }: KeyLookupReply): Identity {
  if (refusal === 'organization_disabled') {
    throw new GatewayError('organization_disabled', 'The organization of this API key is disabled. Ask the operator.');
  }
  if (caller === null || policy === null || refusal !== null) throw invalidKey();
  if (policy.expiresAt !== null && policy.expiresAt <= Date.now()) throw invalidKey();
  return { caller, policy };
}

function unavailable(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  const closing = error instanceof CallError && error.reason === 'closed';
  return new GatewayError(
    closing ? 'server_shutting_down' : 'ledger_unavailable',
    'API keys cannot be checked right now. Retry in a moment.',
    { cause: error, retryAfterSeconds: closing ? 1 : 2 },
  );
}
