import { organizationRoutes, type OrganizationRoute } from '#libs/contracts';
import { StartError } from '#libs/runtime';
import type { HandlerGroup, OrganizationHandler } from './handler-group.js';

/** A route with the one handler that answers it. */
export interface BoundRoute {
  readonly route: OrganizationRoute;
  readonly handler: OrganizationHandler;
}

/** Every route has exactly one handler and every handler a route; else the process refuses to start. */
export function bindHandlers(
  groups: readonly HandlerGroup[],
  routes: readonly OrganizationRoute[] = organizationRoutes,
): ReadonlyMap<string, BoundRoute> {
  const handlers = new Map<string, OrganizationHandler>();
  const problems: string[] = [];
  for (const [id, handler] of groups.flatMap((group) => Object.entries(group.handlers))) {
    if (handlers.has(id)) problems.push(`two handlers answer the route ${id}: remove one of them`);
    if (!routes.some((route) => route.id === id)) {
      problems.push(`the handler ${id} has no route: add it to organizationRoutes in libs/contracts`);
    }
    handlers.set(id, handler);
  }
  const bound = new Map<string, BoundRoute>();
  for (const route of routes) {
    const handler = handlers.get(route.id);
    if (bound.has(route.id)) problems.push(`two routes are called ${route.id}: rename one of them`);
    if (handler) bound.set(route.id, { route, handler });
    else problems.push(`the route ${route.id} has no handler: add it to a group of organization.providers.ts`);
  }
  if (problems.length > 0) throw new StartError(problems);
  return bound;
}
