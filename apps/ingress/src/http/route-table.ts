import type { RouteOptions } from 'fastify';
import { pathOf } from './request-target.js';

/** The routes as the router got them: which methods a path has. */
export class RouteTable {
  private readonly exact = new Map<string, Set<string>>();
  private readonly wildcards = new Map<string, Set<string>>();
  /** Paths with parameters: `/v1/organization/projects/:project_id`. */
  private readonly patterns = new Map<string, { readonly steps: readonly string[]; readonly methods: Set<string> }>();

  add(route: RouteOptions): void {
    if (route.url.includes('/:')) {
      this.addPattern(route);
      return;
    }
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
    const given = path.split('/');
    for (const { steps, methods } of this.patterns.values()) {
      if (steps.length === given.length && steps.every((step, index) => leads(step, given[index]))) return [...methods];
    }
    return undefined;
  }

  private addPattern({ url, method }: RouteOptions): void {
    const known = this.patterns.get(url) ?? { steps: url.split('/'), methods: new Set() };
    for (const name of [method].flat()) known.methods.add(name);
    this.patterns.set(url, known);
  }
}

function leads(step: string, given: string | undefined): boolean {
  return step.startsWith(':') ? given !== undefined && given !== '' : step === given;
}
