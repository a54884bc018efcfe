import { describe, expect, it } from '@jest/globals';
import { defineOrganizationRoute, organizationRoutes } from '#libs/contracts';
import { bindHandlers } from './handler-table.js';

const routeOf = (id: string) =>
  defineOrganizationRoute({ id, method: 'GET', path: `/v1/organization/${id}`, access: 'admin', summary: id });
const handler = () => Promise.resolve({});

describe('the table of handlers', () => {
  it('gives every route its handler', () => {
    const bound = bindHandlers(
      [{ handlers: { a: handler } }, { handlers: { b: handler } }],
      [routeOf('a'), routeOf('b')],
    );
    expect([...bound.keys()]).toEqual(['a', 'b']);
    expect(bound.get('b')?.handler).toBe(handler);
  });

  it('refuses the start and names every problem at once', () => {
    const groups = [{ handlers: { a: handler, stray: handler } }, { handlers: { a: handler } }];
    const routes = ['a', 'lonely', 'lonely'].map(routeOf);
    expect(() => bindHandlers(groups, routes)).toThrow(
      [
        'the handler stray has no route: add it to organizationRoutes in libs/contracts',
        'two handlers answer the route a: remove one of them',
        'the route lonely has no handler: add it to a group of organization.providers.ts',
        'the route lonely has no handler: add it to a group of organization.providers.ts',
      ].join('\n'),
    );
  });
});

describe('the routes', () => {
  it('have one id and one place each', () => {
    const places = organizationRoutes.map(({ method, path }) => `${method} ${path.replaceAll(/:\w+/g, ':')}`);
    for (const list of [places, organizationRoutes.map(({ id }) => id)]) {
      expect(list.filter((item, index) => list.indexOf(item) !== index)).toEqual([]);
    }
  });
});
