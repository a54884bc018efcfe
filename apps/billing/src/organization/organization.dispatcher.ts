import { Controller, Inject } from '@nestjs/common';
import { DataSource } from 'typeorm';
import {
  GatewayError,
  keyChangedSubject,
  organizationCallHead,
  type OrganizationCallHead,
  type OrganizationRoute,
  organizationSubject,
} from '#libs/contracts';
import type { Bus, IncomingCall } from '#libs/messaging';
import { BUS, LOGGER, Serves } from '#libs/runtime';
import type { Logger } from '#libs/telemetry';
import { checkParameters } from './call-validation.js';
import type { HandlerGroup } from './handler-group.js';
import { bindHandlers, type BoundRoute } from './handler-table.js';
import { runInTransaction } from './organization-transaction.js';

/** Nest injection token of all `HandlerGroup`s. */
export const HANDLER_GROUPS = Symbol('billing.organization-handlers');

/** Serves the management API: checks who asks for what, and runs the handler of the route in one transaction. */
@Controller()
export class OrganizationDispatcher {
  private readonly routes: ReadonlyMap<string, BoundRoute>;

  constructor(
    @Inject(HANDLER_GROUPS) groups: readonly HandlerGroup[],
    private readonly dataSource: DataSource,
    @Inject(BUS) private readonly bus: Bus,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.routes = bindHandlers(groups);
  }

  @Serves(organizationSubject)
  async dispatch(call: IncomingCall): Promise<void> {
    const parsed = organizationCallHead.safeParse(call.head);
    if (!parsed.success) throw new GatewayError('bad_request', 'A management call needs a route, a caller and a body.');
    const head = parsed.data;
    const bound = this.routes.get(head.routeId);
    if (!bound) throw unknownRoute(head.routeId);
    checkAccess(bound.route, head);
    const parameters = checkParameters(bound.route, head);
    call.accept();
    const answer = await this.run(bound, head, parameters);
    call.sendHead({ status: bound.route.status ?? 200, headers: { 'content-type': 'application/json' } });
    call.write(Buffer.from(JSON.stringify(answer)));
    call.end();
  }

  private async run(
    bound: BoundRoute,
    head: OrganizationCallHead,
    parameters: ReturnType<typeof checkParameters>,
  ): Promise<object> {
    try {
      const { answer, changedKeys } = await runInTransaction(this.dataSource, bound, head, parameters);
      // After the commit: whoever forgets a key now reads it anew, and must find what changed.
      for (const which of changedKeys) this.bus.broadcast(keyChangedSubject, which);
      return answer;
    } catch (error) {
      const known = knownDatabaseError(error);
      if (known === error) throw error;
      this.logger.error({ reason: (error as Error).message }, 'a management call failed in the database');
      throw known;
    }
  }
}

/** Ingress has looked at this before. Without the right scope not even the parameters are looked at. */
function checkAccess(route: OrganizationRoute, head: OrganizationCallHead): void {
  const { caller, organizationId } = head;
  if (caller.scope !== 'admin') {
    const message = 'This needs an admin key (sk-modapi-admin-…); the key that was sent calls models only.';
    throw new GatewayError('insufficient_scope', message);
  }
  if (caller.operator) return;
  if (route.access === 'operator') {
    const message = 'Only the operator of this gateway may do this. Ask them, or use their admin key.';
    throw new GatewayError('insufficient_scope', message);
  }
  if (caller.organizationId !== organizationId) {
    const message = 'Your key does not belong to this organization. Remove the OpenAI-Organization header.';
    throw new GatewayError('insufficient_scope', message);
  }
}

function unknownRoute(id: string): GatewayError {
  // An ingress that is newer than this process: it names a route that came after us.
  const message = 'This operation is not served yet: the gateway is being updated. Retry in a minute.';
  return new GatewayError('no_worker_available', message, { cause: new TypeError(`unknown route ${id}`) });
}

/** By class of SQLSTATE: the server is away or restarting; a statement waited or ran too long. */
function knownDatabaseError(error: unknown): unknown {
  if (error instanceof GatewayError) return error;
  const code = codeOf(error);
  if (code === '57014') {
    const message = 'This took too long. Ask for less: a shorter time range, a smaller limit, fewer groups.';
    return new GatewayError('overloaded', message, { cause: error });
  }
  if (code === '55P03' || code === '40P01' || code === '40001') {
    const message = 'Another change was under way at the same time; nothing was changed by this one. Retry.';
    return new GatewayError('overloaded', message, { cause: error, retryAfterSeconds: 1 });
  }
  if (/^(08|57P|53)/.test(code) || /^E[A-Z]+$/.test(code)) {
    const message = 'The database does not answer. Retry shortly: whatever has a reference is booked once.';
    return new GatewayError('ledger_unavailable', message, { cause: error, retryAfterSeconds: 2 });
  }
  return error;
}

function codeOf(error: unknown): string {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  if (typeof code === 'string') return code;
  // What the driver finds out by itself has no code.
  return /timeout|terminated|not queryable/i.test(String(message)) ? 'ECONNRESET' : '';
}
