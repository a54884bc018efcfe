import { z } from 'zod';
import { type Endpoint, endpoints, type FormDefinition, organizationRoutes } from '#libs/contracts';
import { chatCompletionResponse } from './chat-answers.js';
import { errorResponses, errorSchema, type Json, jsonContent, reference, success } from './document-answers.js';
import { endpointAnswers } from './endpoint-answers.js';
import { mediaSchemas } from './media-answers.js';
import { organizationPaths } from './organization-paths.js';
import { modelPaths, modelSchema, publicPaths } from './plain-paths.js';

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
        ...Object.fromEntries(endpoints.flatMap(requestSchemas)),
        ChatCompletion: chatCompletionResponse,
        ...mediaSchemas,
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
  const answer = endpointAnswers[endpoint.id];
  return {
    operationId: endpoint.id,
    summary: answer?.summary ?? endpoint.id,
    parameters: [idempotencyKey],
    requestBody: { required: true, content: requestContent(endpoint) },
    responses: { '200': success('The answer.', answer?.content ?? {}, costHeader), ...errorResponses() },
  };
}

function requestContent(endpoint: Endpoint): Json {
  const json = endpoint.accepts.includes('json') ? jsonContent(reference(nameOf(endpoint, 'Request'))) : {};
  const form = endpoint.form && { 'multipart/form-data': { schema: reference(nameOf(endpoint, 'Form')) } };
  return { ...json, ...form };
}

/** `chat.completions` → `ChatCompletionsRequest`. */
function nameOf(endpoint: Endpoint, kind: 'Request' | 'Form'): string {
  const words = endpoint.id.split('.').map((word) => word.charAt(0).toUpperCase() + word.slice(1));
  return `${words.join('')}${kind}`;
}

const passedOn = 'Parameters not listed here are passed on to the provider unchanged.';

function requestSchemas(endpoint: Endpoint): [string, Json][] {
  const { accepts, request, form } = endpoint;
  const schemas: [string, Json][] = [];
  if (accepts.includes('json')) {
    const { $schema: _dialect, ...schema } = z.toJSONSchema(request, { io: 'input' }) as Json;
    schemas.push([nameOf(endpoint, 'Request'), { ...schema, description: passedOn }]);
  }
  if (form) schemas.push([nameOf(endpoint, 'Form'), formSchema(form)]);
  return schemas;
}

/** The fields as what their texts are read as, and the files. */
function formSchema({ fields, files }: FormDefinition): Json {
  const { $schema: _dialect, ...schema } = z.toJSONSchema(fields, { io: 'output' }) as Json;
  const { properties, required = [] } = schema as { properties: Json; required?: string[] };
  const entries = Object.entries(files);
  return {
    ...schema,
    required: [...required, ...entries.flatMap(([name, { min }]) => (min > 0 ? [name] : []))],
    properties: { ...properties, ...Object.fromEntries(entries.map(([name, rule]) => [name, fileSchema(rule)])) },
    description: `Lists may be spelled with brackets: \`image[]\`. ${passedOn}`,
  };
}

function fileSchema({ max, maxBytes, kind }: FormDefinition['files'][string]): Json {
  const description = `${kind === 'audio' ? 'Audio' : 'An image'} of at most ${maxBytes / 1024 / 1024} MB.`;
  const file = { type: 'string', format: 'binary', description };
  return max === 1 ? file : { anyOf: [file, { type: 'array', maxItems: max, items: file }] };
}
