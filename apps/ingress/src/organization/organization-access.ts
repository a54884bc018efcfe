import type { IncomingHttpHeaders } from 'node:http';
import { SetMetadata } from '@nestjs/common';
import { type Caller, GatewayError, type OrganizationRoute } from '#libs/contracts';

/** Metadata of a handler of the management API: who may call it. */
const ORGANIZATION_ACCESS = 'modapi:organization-access';

/** Marks a handler as one of the management API: without this mark an admin key opens nothing. */
export const RouteAccess = (access: OrganizationRoute['access']): MethodDecorator =>
  SetMetadata(ORGANIZATION_ACCESS, access);

/** Who may call a handler; undefined if it is none of the management API. */
export function accessOf(handler: object): OrganizationRoute['access'] | undefined {
  return Reflect.getMetadata(ORGANIZATION_ACCESS, handler) as OrganizationRoute['access'] | undefined;
}

const organizationId = /^org_[A-Za-z0-9]{1,60}$/;

/** Throws unless this caller may call a route of this access for the organization that its headers name. */
export function admitManager(caller: Caller, access: OrganizationRoute['access'], headers: IncomingHttpHeaders): void {
  if (caller.scope !== 'admin') {
    throw insufficient('This is an inference key. Manage the organization with an admin key, `sk-modapi-admin-…`.');
  }
  if (access === 'operator' && !caller.operator) {
    throw insufficient('Only the operator of this gateway may do this. Ask the operator.');
  }
  organizationOf(caller, headers);
}

/** Whose data a request is about: the caller's own organization, or the one that an operator named. */
export function organizationOf(caller: Caller, headers: IncomingHttpHeaders): string {
  const named = headers['openai-organization'];
  if (named === undefined || named === caller.organizationId) return caller.organizationId;
  if (!caller.operator) {
    throw insufficient('This key manages another organization. Leave the `OpenAI-Organization` header out.');
  }
  // Two headers of this name come as an array, or joined by a comma: neither is an id.
  if (typeof named !== 'string' || !organizationId.test(named)) {
    const message = 'The `OpenAI-Organization` header is no organization id. Send one, such as `org_1a2B`, or none.';
    throw new GatewayError('invalid_value', message, { param: 'OpenAI-Organization' });
  }
  return named;
}

function insufficient(message: string): GatewayError {
  return new GatewayError('insufficient_scope', message);
}
