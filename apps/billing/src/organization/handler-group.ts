import type { EntityManager } from 'typeorm';
import type { Caller } from '#libs/contracts';

/** Something that happened and belongs into the audit log. */
export interface AuditEntry {
  /** OpenAI's event type where it has one: `api_key.created`, `project.updated`. */
  readonly type: string;
  readonly projectId?: string;
  /** In whose log; the call's organization when absent. Only an operator's call may name another one. */
  readonly organizationId?: string;
  /** No secret, and no value that is one. */
  readonly details: object;
}

/** One authenticated and validated request of the management API. */
export interface OrganizationCall {
  readonly caller: Caller;
  /** Whose data. */
  readonly organizationId: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, unknown>>;
  readonly body: Readonly<Record<string, unknown>>;
  /**
   * A transaction that commits when the handler resolves. For `admin` routes it sees and writes rows of
   * `organizationId` only (row-level security); for `operator` routes everything.
   */
  readonly manager: EntityManager;
  /** Written in the same transaction. */
  audit(entry: AuditEntry): void;
  /** After the commit every ingress forgets this key, or all keys of the organization. */
  forgetKeys(which: { readonly keyId: string } | { readonly organizationId: string }): void;
}

/** Answers one route; what it throws is a `GatewayError` for the caller. */
export type OrganizationHandler = (call: OrganizationCall) => Promise<object>;

/** Handlers of one noun, by route id. A Nest provider. */
export interface HandlerGroup {
  readonly handlers: Readonly<Record<string, OrganizationHandler>>;
}
