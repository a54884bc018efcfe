import { describe, expect, it } from '@jest/globals';
import { endpoints, errorTable } from '#libs/contracts';
import { openApiDocument } from './openapi-document.js';

interface Operation {
  operationId: string;
  security?: object[];
  requestBody?: { content: Record<string, { schema: { $ref: string } }> };
  responses: Record<string, { description: string; content: Record<string, { schema: object }> }>;
}
interface Document {
  openapi: string;
  paths: Record<string, { get?: Operation; post?: Operation }>;
  components: { schemas: Record<string, { required?: string[]; properties?: Record<string, object> }> };
}

const document = openApiDocument() as unknown as Document;
const chat = document.paths['/v1/chat/completions']!.post!;

describe('openApiDocument', () => {
  it('has every endpoint and route that is served, and nothing else', () => {
    const served = [...endpoints.map(({ path }) => path), '/v1/models', '/v1/models/{model}'];
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
    const ids = Object.values(document.paths).flatMap(({ get, post }) =>
      [get, post].flatMap((found) => found?.operationId ?? []),
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

  it('opens the probes and nothing of /v1', () => {
    for (const [path, { get, post }] of Object.entries(document.paths)) {
      const operation = get ?? post;
      expect([path, operation?.security]).toEqual([path, path.startsWith('/v1') ? undefined : []]);
    }
  });
});
