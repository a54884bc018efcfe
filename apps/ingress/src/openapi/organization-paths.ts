import { z } from 'zod';
import type { ErrorCode, OrganizationRoute } from '#libs/contracts';
import { errorResponses, type Json, jsonContent, success } from './document-answers.js';

const everyRoute: readonly ErrorCode[] = [
  'missing_api_key',
  'invalid_api_key',
  'organization_disabled',
  'insufficient_scope',
  'invalid_value',
  'unknown_parameter',
  'missing_required_parameter',
  'not_found',
  'ledger_unavailable',
  'internal_error',
];
const writing: readonly ErrorCode[] = [
  'invalid_json',
  'invalid_type',
  'invalid_encoding',
  'duplicate_key',
  'forbidden_key',
  'unsupported_media_type',
  'request_too_large',
  'conflict',
];

const actingFor = {
  name: 'OpenAI-Organization',
  in: 'header',
  schema: { type: 'string', pattern: '^org_[A-Za-z0-9]{1,60}$' },
  description: 'The organization that the operator acts for; its own when absent. Other keys have one organization.',
};

/** The management API, one operation for each route. */
export function organizationPaths(routes: readonly OrganizationRoute[]): Json {
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) };
  }
  return paths;
}

function operationOf(route: OrganizationRoute): Json {
  const codes = route.method === 'GET' ? everyRoute : [...everyRoute, ...writing];
  const description = route.access === 'operator' ? 'For the operator of this gateway only.' : undefined;
  const needsBody = route.body && Array.isArray(bodySchema(route.body)['required']);
  return {
    operationId: route.id,
    summary: route.summary,
    ...(description && { description }),
    tags: ['organization'],
    security: [{ adminKey: [] }],
    parameters: [...pathParameters(route.path), ...queryParameters(route.query), actingFor],
    ...(route.body && {
      requestBody: { required: needsBody === true, content: jsonContent(bodySchema(route.body)) },
    }),
    responses: {
      [String(route.status ?? 200)]: success('The answer.', jsonContent({ type: 'object' })),
      ...errorResponses(codes),
    },
  };
}

function pathParameters(path: string): Json[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string', pattern: '^[A-Za-z0-9_-]{1,64}$' },
  }));
}

function bodySchema(schema: z.ZodType): Json {
  const { $schema: _dialect, ...body } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Json;
  return body;
}

/** Described as what a text is read as: `limit` is an integer, though a URL has only text. */
function queryParameters(schema: z.ZodType | undefined): Json[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'output', unrepresentable: 'any' }) as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, property]) => {
    const isList = property['type'] === 'array' && !name.endsWith('[]');
    return {
      // The SDKs' spelling; without brackets it is taken too.
      name: isList ? `${name}[]` : name,
      in: 'query',
      required: required.includes(name) && property['default'] === undefined,
      schema: property,
    };
  });
}
