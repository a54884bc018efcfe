import type { RouteOptions } from 'fastify';
import { pathOf } from './request-target.js';

/** The routes as the router got them: which methods a path has. */
export class RouteTable {
  private readonly exact = new Map<string, Set<string>>();
  private readonly wildcards = new Map<string, Set<string>>();

  add(route: RouteOptions): void {
    const isWildcard = route.url.endsWith('*');
    const path = isWildcard ? route.url.slice(0, -1) : route.url;
    const known = isWildcard ? this.wildcards : this.exact;
    const methods = known.get(path) ?? new Set();
    for (const method of [route.method].flat()) methods.add(method);
    known.set(path, methods);
  }

  /** For the `Allow` header of a 405; undefined when the path is unknown. */
  methodsOf(target: string): readonly string[] | undefined {
    const path = pathOf(target);
    const exact = this.exact.get(path);
    if (exact) return [...exact];
    for (const [prefix, methods] of this.wildcards) {
      if (path.startsWith(prefix) && path.length > prefix.length) return [...methods];
    }
    return undefined;
  }
}
