import { z } from 'zod';
import { chatCompletions, type Endpoint, endpoints, type ErrorCode, errorTable } from '#libs/contracts';
import { chatCompletionResponse, chatCompletionStream } from './chat-answers.js';

type Json = Record<string, unknown>;

const reference = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
const jsonContent = (schema: Json): Json => ({ 'application/json': { schema } });

/** What an endpoint answers when all is well, by endpoint id. */
const answers: Readonly<Record<string, { readonly summary: string; readonly content: Json }>> = {
  [chatCompletions.id]: {
    summary: 'Create a chat completion',
    content: {
      ...jsonContent(reference('ChatCompletion')),
      'text/event-stream': { schema: chatCompletionStream },
    },
  },
};

/** The OpenAPI document of what this gateway serves, and of nothing else. */
export function openApiDocument(): Json {
  return {
    openapi: '3.1.0',
    info: {
      title: 'ModAPI',
      version: '1',
      description: 'An OpenAI-compatible gateway. Every OpenAI SDK works: change `base_url`, `api_key` and `model`.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ apiKey: [] }],
    paths: {
      ...Object.fromEntries(endpoints.map((endpoint) => [endpoint.path, { post: inferenceOperation(endpoint) }])),
      ...modelPaths(),
      ...publicPaths(),
    },
    components: {
      securitySchemes: {
        apiKey: { type: 'http', scheme: 'bearer', description: 'An API key, `sk-modapi-…`.' },
      },
      headers: {
        'x-request-id': { description: 'The id of this request, for the operator.', schema: { type: 'string' } },
      },
      schemas: {
        ...Object.fromEntries(endpoints.map((endpoint) => [requestName(endpoint), requestSchema(endpoint)])),
        ChatCompletion: chatCompletionResponse,
        Model: modelSchema,
        Error: errorSchema,
      },
    },
  };
}

function inferenceOperation(endpoint: Endpoint): Json {
  const answer = answers[endpoint.id];
  return {
    operationId: endpoint.id,
    summary: answer?.summary ?? endpoint.id,
    requestBody: { required: true, content: jsonContent(reference(requestName(endpoint))) },
    responses: { '200': success('The answer.', answer?.content ?? {}), ...errorResponses() },
  };
}

/** `chat.completions` → `ChatCompletionsRequest`. */
function requestName(endpoint: Endpoint): string {
  const words = endpoint.id.split('.').map((word) => word.charAt(0).toUpperCase() + word.slice(1));
  return `${words.join('')}Request`;
}

function requestSchema(endpoint: Endpoint): Json {
  const { $schema: _dialect, ...schema } = z.toJSONSchema(endpoint.request, { io: 'input' }) as Json;
  return { ...schema, description: 'Parameters not listed here are passed on to the provider unchanged.' };
}

const modelSchema = {
  type: 'object',
  required: ['id', 'object', 'created', 'owned_by'],
  properties: {
    id: { type: 'string' },
    object: { const: 'model' },
    created: { type: 'integer', description: 'Unix seconds.' },
    owned_by: { type: 'string' },
  },
};

function modelPaths(): Json {
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

function publicPaths(): Json {
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

const requestIdHeader = { 'x-request-id': { $ref: '#/components/headers/x-request-id' } };

function success(description: string, content: Json): Json {
  return { description, headers: requestIdHeader, content };
}

const errorSchema = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['message', 'type', 'param', 'code'],
      properties: {
        message: { type: 'string' },
        type: { type: 'string' },
        param: { type: ['string', 'null'], description: 'The parameter at fault: `messages[0].content`.' },
        code: {
          type: ['string', 'null'],
          description: 'One of the codes listed with the response, or the provider’s own.',
        },
      },
    },
  },
};

const allCodes = Object.keys(errorTable) as ErrorCode[];

/** One response per status of the error table, each with its codes. */
function errorResponses(codes: readonly ErrorCode[] = allCodes): Json {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of codes) {
    const { status } = errorTable[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const entries = [...byStatus].toSorted(([left], [right]) => left - right);
  return Object.fromEntries(entries.map(([status, found]) => [String(status), errorResponse(status, found)]));
}

function errorResponse(status: number, codes: readonly ErrorCode[]): Json {
  const retryAfter = { description: 'Seconds until a retry makes sense.', schema: { type: 'integer' } };
  const shouldRetry = { description: '`false`: a retry cannot help.', schema: { enum: ['true', 'false'] } };
  return {
    description: codes.map((code) => `\`${code}\``).join(', '),
    headers: {
      ...requestIdHeader,
      'x-should-retry': shouldRetry,
      ...((status === 429 || status === 503) && { 'retry-after': retryAfter }),
    },
    content: jsonContent(reference('Error')),
  };
}
