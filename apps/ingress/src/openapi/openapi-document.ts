import { z } from 'zod';
import { chatCompletions, type Endpoint, endpoints, organizationRoutes } from '#libs/contracts';
import { chatCompletionResponse, chatCompletionStream } from './chat-answers.js';
import { errorResponses, errorSchema, type Json, jsonContent, reference, success } from './document-answers.js';
import { organizationPaths } from './organization-paths.js';
import { modelPaths, modelSchema, publicPaths } from './plain-paths.js';

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
      ...organizationPaths(organizationRoutes),
      ...publicPaths(),
    },
    components: {
      securitySchemes: {
        apiKey: { type: 'http', scheme: 'bearer', description: 'An API key, `sk-modapi-…`.' },
        adminKey: {
          type: 'http',
          scheme: 'bearer',
          description: 'An admin key, `sk-modapi-admin-…`. Where it says so: that of the operator.',
        },
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

const idempotencyKey = {
  name: 'Idempotency-Key',
  in: 'header',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
  description:
    'A request that is sent again with the same key and body gets the first answer and is charged once; with another body it is refused.',
};

const costHeader = {
  'x-modapi-cost-nano-usd': {
    description: 'What the request cost, in nano-dollars (1e-9 US dollar). Not with a stream.',
    schema: { type: 'string', pattern: String.raw`^\d+$` },
  },
  'x-modapi-usage-source': {
    description: 'How the usage behind the cost is known. Not with a stream.',
    schema: { type: 'string', enum: ['provider', 'counted', 'estimated'] },
  },
};

function inferenceOperation(endpoint: Endpoint): Json {
  const answer = answers[endpoint.id];
  return {
    operationId: endpoint.id,
    summary: answer?.summary ?? endpoint.id,
    parameters: [idempotencyKey],
    requestBody: { required: true, content: jsonContent(reference(requestName(endpoint))) },
    responses: { '200': success('The answer.', answer?.content ?? {}, costHeader), ...errorResponses() },
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
