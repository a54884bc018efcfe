import type { ErrorCode } from '#libs/contracts';
import { errorResponses, type Json, jsonContent, reference, success } from './document-answers.js';

export const modelSchema = {
  type: 'object',
  required: ['id', 'object', 'created', 'owned_by'],
  properties: {
    id: { type: 'string' },
    object: { const: 'model' },
    created: { type: 'integer', description: 'Unix seconds.' },
    owned_by: { type: 'string' },
  },
};

export function modelPaths(): Json {
  const list = {
    type: 'object',
    required: ['object', 'data'],
    properties: { object: { const: 'list' }, data: { type: 'array', items: reference('Model') } },
  };
  const model = {
    name: 'model',
    in: 'path',
    required: true,
    schema: { type: 'string' },
    description: 'Slashes may come as they are or as %2F.',
  };
  const few: ErrorCode[] = ['invalid_api_key', 'insufficient_scope', 'ledger_unavailable', 'internal_error'];
  return {
    '/v1/models': {
      get: {
        operationId: 'models.list',
        summary: 'List the models that this key may call',
        responses: { '200': success('The models.', jsonContent(list)), ...errorResponses(few) },
      },
    },
    '/v1/models/{model}': {
      parameters: [model],
      get: {
        operationId: 'models.retrieve',
        summary: 'Retrieve a model',
        responses: {
          '200': success('The model.', jsonContent(reference('Model'))),
          ...errorResponses([...few, 'model_not_found']),
        },
      },
    },
  };
}

export function publicPaths(): Json {
  const status = jsonContent({ type: 'object', required: ['status'], properties: { status: { type: 'string' } } });
  const open = (operationId: string, summary: string, responses: Json): Json => ({
    get: { operationId, summary, security: [], responses },
  });
  const anyObject = jsonContent({ type: 'object' });
  return {
    '/': open('hint', 'Where to find the API', { '200': success('A hint.', anyObject) }),
    '/healthz': open('healthz', 'Whether the process lives', { '200': success('It does.', status) }),
    '/readyz': open('readyz', 'Whether the process may get calls', {
      '200': success('It may.', status),
      '503': success('Not now: it is draining, or the bus is away.', status),
    }),
    '/openapi.json': open('openapi', 'This document', { '200': success('This document.', anyObject) }),
  };
}
