import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

/** Schemas of OpenAI's OpenAPI file, see `extract-openai-schemas.mjs`. */
type Schemas = Readonly<Record<string, object>>;

const file = join(import.meta.dirname, 'openai-schemas.json');
const { components } = JSON.parse(readFileSync(file, 'utf8')) as { components: { schemas: Schemas } };

/** What OpenAI sends although its schemas do not know it. */
const undocumented: Readonly<Record<string, readonly string[]>> = {
  CreateTranscriptionResponseVerboseJson: ['task'],
  CreateTranslationResponseVerboseJson: ['task', 'usage'],
  CreateTranslationResponseJson: ['usage'],
};

const ajv = new Ajv2020({ strict: false, allErrors: true, discriminator: false });
ajv.addFormat('unixtime', { type: 'number', validate: (value) => value > 1_700_000_000 && value < 4_000_000_000 });
ajv.addFormat('double', { type: 'number', validate: Number.isFinite });
ajv.addFormat('float', { type: 'number', validate: Number.isFinite });
ajv.addFormat('uri', (value) => URL.canParse(value));
ajv.addSchema({ $id: 'openai', components: { schemas: closed(components.schemas) } });

const compiled = new Map<string, ValidateFunction>();

/**
 * What is wrong with an answer or an event by one of OpenAI's schemas. Stricter than they are: a member that none of
 * them knows is wrong too, so that a misspelt one is found.
 */
export function problemsBySchema(name: string, value: unknown): string[] {
  const validate = compiled.get(name) ?? ajv.compile({ $ref: `openai#/components/schemas/${name}` });
  compiled.set(name, validate);
  if (validate(value)) return [];
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) => `${name}${instancePath} ${message} ${JSON.stringify(params)}`,
  );
}

function closed(schemas: Schemas): Schemas {
  const entries = Object.entries(schemas).map(([name, schema]) => {
    const shut = shutObjects(schema) as { properties?: Record<string, unknown> };
    for (const member of undocumented[name] ?? []) shut.properties = { ...shut.properties, [member]: {} };
    return [name, shut] as const;
  });
  return Object.fromEntries(entries);
}

/** References are followed within our copy; OpenAPI 3.0's `nullable` is written as 3.1 does. */
function shutObjects(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(shutObjects);
  if (typeof schema !== 'object' || schema === null) return schema;
  const { nullable, ...rest } = schema as { nullable?: boolean; [key: string]: unknown };
  const shut = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, shutObjects(value)]));
  if (rest['type'] === 'object' && rest['properties']) shut['additionalProperties'] = false;
  return nullable === true ? { anyOf: [shut, { type: 'null' }] } : shut;
}
