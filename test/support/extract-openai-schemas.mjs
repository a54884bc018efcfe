// Makes openai-schemas.json anew: `node test/support/extract-openai-schemas.mjs <openai-openapi.yaml>`.
// The file is OpenAI's, of https://github.com/openai/openai-openapi; its licence goes with what is taken out of it.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

/** Answers and events that the suites validate; what they refer to comes along. */
const wanted = [
  'CreateEmbeddingResponse',
  'CreateSpeechResponseStreamEvent',
  'CreateTranscriptionResponseDiarizedJson',
  'CreateTranscriptionResponseJson',
  'CreateTranscriptionResponseStreamEvent',
  'CreateTranscriptionResponseVerboseJson',
  'CreateTranslationResponseJson',
  'CreateTranslationResponseVerboseJson',
  'ErrorResponse',
  'ImageEditStreamEvent',
  'ImageGenStreamEvent',
  'ImagesResponse',
];

const prefix = '#/components/schemas/';
const licence = `The MIT License

Copyright (c) OpenAI (https://openai.com)

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;

const [source] = process.argv.slice(2);
if (!source) throw new Error('say where the OpenAPI file of OpenAI is');
const document = parse(readFileSync(source, 'utf8'));
const all = document.components.schemas;

const taken = {};
const queue = [...wanted];
for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
  if (taken[name]) continue;
  if (!all[name]) throw new Error(`${source} has no schema ${name}`);
  taken[name] = cleaned(all[name]);
  queue.push(...referredTo(taken[name]));
}

const extract = {
  source: 'https://github.com/openai/openai-openapi, without descriptions and examples',
  version: document.info.version,
  licence,
  components: { schemas: Object.fromEntries(Object.entries(taken).toSorted(([a], [b]) => (a < b ? -1 : 1))) },
};
const target = join(import.meta.dirname, 'openai-schemas.json');
writeFileSync(target, `${JSON.stringify(extract, null, 2)}\n`);
console.log(`${target}: ${Object.keys(taken).length} schemas`);

function referredTo(schema) {
  if (typeof schema !== 'object' || schema === null) return [];
  return Object.entries(schema).flatMap(([key, value]) =>
    key === '$ref' ? [value.slice(prefix.length)] : referredTo(value),
  );
}

/** Only what constrains. `properties` may have a member that is called `description`. */
function cleaned(schema, isMap = false) {
  if (Array.isArray(schema)) return schema.map((item) => cleaned(item));
  if (typeof schema !== 'object' || schema === null) return schema;
  const kept = Object.entries(schema).filter(([key]) => isMap || !isRemark(key));
  return Object.fromEntries(kept.map(([key, value]) => [key, cleaned(value, !isMap && key === 'properties')]));
}

function isRemark(key) {
  return (
    ['description', 'title', 'example', 'examples', 'default', 'optional', 'deprecated'].includes(key) ||
    key.startsWith('x-')
  );
}
