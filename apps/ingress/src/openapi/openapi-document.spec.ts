import { describe, expect, it } from '@jest/globals';
import { endpoints, errorTable, organizationRoutes } from '#libs/contracts';
import { openApiDocument } from './openapi-document.js';

interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  schema: object;
}
interface Operation {
  operationId: string;
  security?: object[];
  parameters?: Parameter[];
  requestBody?: { content: Record<string, { schema: { $ref: string } }> };
  responses: Record<string, { description: string; headers: object; content: Record<string, { schema: object }> }>;
}
interface Document {
  openapi: string;
  paths: Record<string, { get?: Operation; post?: Operation; delete?: Operation }>;
  components: { schemas: Record<string, { required?: string[]; properties?: Record<string, object> }> };
}

const document = openApiDocument() as unknown as Document;
const chat = document.paths['/v1/chat/completions']!.post!;

describe('openApiDocument', () => {
  it('has every endpoint and route that is served, and nothing else', () => {
    const managed = new Set(organizationRoutes.map(({ path }) => path.replaceAll(/:(\w+)/g, '{$1}')));
    const served = [...endpoints.map(({ path }) => path), '/v1/models', '/v1/models/{model}', ...managed];
    expect(Object.keys(document.paths)).toEqual([...served, '/', '/healthz', '/readyz', '/openapi.json']);
  });

  it('has only references that lead somewhere', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, path]) => path!);
    expect(references.length).toBeGreaterThan(10);
    for (const reference of new Set(references)) {
      const target = reference
        .split('/')
        .slice(1)
        .reduce<unknown>((node, key) => (node as Record<string, unknown>)?.[key], document);
      expect([reference, typeof target]).toEqual([reference, 'object']);
    }
  });

  it('has an operation id of its own for every operation', () => {
    const ids = Object.values(document.paths).flatMap(({ get, post, delete: remove }) =>
      [get, post, remove].flatMap((found) => found?.operationId ?? []),
    );
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('names every error of the table with its status', () => {
    for (const [code, { status }] of Object.entries(errorTable)) {
      expect([code, chat.responses[status]?.description.includes(`\`${code}\``)]).toEqual([code, true]);
    }
  });

  it('describes the request as the schema that checks it, open to what OpenAI adds', () => {
    const schema = document.components.schemas['ChatCompletionsRequest']!;
    expect(schema.required).toEqual(['model', 'messages']);
    expect(schema).toMatchObject({
      additionalProperties: {},
      properties: {
        model: { type: 'string', minLength: 1, maxLength: 256 },
        messages: { type: 'array', minItems: 1, maxItems: 10_000, items: { required: ['role'] } },
      },
    });
    expect(chat.requestBody!.content['application/json']!.schema.$ref).toBe(
      '#/components/schemas/ChatCompletionsRequest',
    );
  });

  it('describes the stream beside the answer in one piece', () => {
    expect(Object.keys(chat.responses['200']!.content)).toEqual(['application/json', 'text/event-stream']);
    expect(JSON.stringify(chat.responses['200'])).toContain('[DONE]');
  });

  it('describes forms with their files, beside JSON where both are taken', () => {
    const contentOf = (path: string) => Object.keys(document.paths[path]!.post!.requestBody!.content);
    expect(contentOf('/v1/images/edits')).toEqual(['application/json', 'multipart/form-data']);
    expect(contentOf('/v1/audio/transcriptions')).toEqual(['multipart/form-data']);
    expect(contentOf('/v1/embeddings')).toEqual(['application/json']);
    expect(document.components.schemas['AudioTranscriptionsForm']).toMatchObject({
      required: ['model', 'file'],
      properties: {
        file: { type: 'string', format: 'binary' },
        temperature: { anyOf: [{ type: 'number', minimum: 0, maximum: 1 }, { type: 'null' }] },
        timestamp_granularities: { anyOf: [{ type: 'array', items: { enum: ['word', 'segment'] } }, { type: 'null' }] },
      },
    });
    expect(document.components.schemas['ImagesEditsForm']).toMatchObject({
      required: ['model', 'prompt', 'image'],
      properties: { image: { anyOf: [{ format: 'binary' }, { type: 'array', maxItems: 16 }] } },
    });
  });

  it('says in which types an endpoint answers', () => {
    const typesOf = (path: string) => Object.keys(document.paths[path]!.post!.responses['200']!.content);
    expect(typesOf('/v1/audio/speech')).toEqual(['audio/*', 'text/event-stream']);
    expect(typesOf('/v1/audio/transcriptions')).toEqual(['application/json', 'text/plain', 'text/event-stream']);
    expect(typesOf('/v1/images/generations')).toEqual(['application/json', 'text/event-stream']);
    for (const { path } of endpoints) expect([path, typesOf(path).length > 0]).toEqual([path, true]);
  });

  it('opens the probes and nothing of /v1', () => {
    for (const [path, { get, post, delete: remove }] of Object.entries(document.paths)) {
      const operation = get ?? post ?? remove;
      const managed = path.startsWith('/v1/organization') ? [{ adminKey: [] }] : undefined;
      expect([path, operation?.security]).toEqual([path, path.startsWith('/v1') ? managed : []]);
    }
  });

  it('tells of a chat completion how it is repeated and what it cost', () => {
    expect(chat.parameters).toMatchObject([{ name: 'Idempotency-Key', in: 'header' }]);
    expect(chat.responses['200']!.headers).toHaveProperty('x-modapi-cost-nano-usd');
    expect(Object.keys(chat.responses)).toEqual(expect.arrayContaining(['409', '422']));
  });

  it('describes every operation of the management API, with its parameters and its body', () => {
    for (const { id, path, method, query, body } of organizationRoutes) {
      const operations = document.paths[path.replaceAll(/:(\w+)/g, '{$1}')]!;
      const operation = operations[method.toLowerCase() as 'get' | 'post' | 'delete']!;
      expect(operation.operationId).toBe(id);
      const kinds = operation.parameters!.map((parameter) => parameter.in);
      expect([id, kinds.filter((kind) => kind === 'path').length]).toEqual([id, path.split(':').length - 1]);
      expect([id, kinds.includes('query')]).toEqual([id, query !== undefined]);
      expect([id, operation.requestBody !== undefined]).toEqual([id, body !== undefined]);
    }
    const parameters = document.paths['/v1/organization/costs']!.get!.parameters!;
    const find = (name: string) => parameters.find((parameter) => parameter.name === name);
    expect(find('start_time')).toMatchObject({ required: true, schema: { type: 'integer' } });
    expect(find('limit')).toMatchObject({ required: false, schema: { type: 'integer', minimum: 1 } });
    expect(find('group_by[]')).toMatchObject({ required: false, schema: { type: 'array' } });
  });
});
