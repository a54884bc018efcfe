import { setImmediate } from 'node:timers/promises';
import type { CallLog } from '../call-log.js';
import { shortened, textVector } from '../embedding/text-vector.js';
import type { Json, JsonObject } from '../json.js';
import { loadTokenizer } from '../token-count.js';
import { invalidValue } from '../wire-error.js';
import type { HttpCall } from './http-call.js';
import { wholeEndpoint } from './whole-endpoint.js';

const maxInputs = 2048;

/** `POST /v1/embeddings`. */
export function embeddingsEndpoint(options: { readonly callLog: CallLog }): (call: HttpCall) => Promise<void> {
  return wholeEndpoint('embeddings', options, async (body, name, { dimensions: most, fault }) => {
    const inputs = parseInput(body.input ?? null);
    const dimensions = parseDimensions(body, most);
    const base64 = parseEncoding(body) === 'base64';
    const tokenizer = await loadTokenizer();
    const data: string[] = [];
    let tokens = 0;
    for (const [index, input] of inputs.entries()) {
      const text = typeof input === 'string' ? input : tokenizer.decode(input);
      tokens += typeof input === 'string' ? tokenizer.count(input) : input.length;
      const vector = shortened(textVector(text, most), dimensions);
      const embedding = base64
        ? `"${Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64')}"`
        : floats(vector);
      data.push(`{"object":"embedding","index":${index},"embedding":${embedding}}`);
      // Others want to be served between two long texts.
      await setImmediate();
    }
    const usage = { prompt_tokens: tokens, total_tokens: tokens };
    const told = fault?.hidesUsage === true ? '' : `,"usage":${JSON.stringify(usage)}`;
    const json = `{"object":"list","data":[${data.join(',')}],"model":${JSON.stringify(name)}${told}}`;
    return { json, usage };
  });
}

/** Nine digits tell one 32-bit float from another. */
function floats(vector: Float32Array): string {
  return `[${Array.from(vector, (value) => Number(value.toPrecision(9))).join(',')}]`;
}

function parseInput(input: Json): (string | number[])[] {
  if (typeof input === 'string' && input !== '') return [input];
  if (!Array.isArray(input) || input.length === 0) throw badInput('expected a non-empty string or array');
  if (input.every(isToken)) return [input];
  if (input.length > maxInputs) throw badInput(`expected at most ${maxInputs} items`);
  return input.map((item) => {
    if (typeof item === 'string' && item !== '') return item;
    if (Array.isArray(item) && item.length > 0 && item.every(isToken)) return item;
    throw badInput('expected non-empty strings, or arrays of token ids');
  });
}

function isToken(value: Json): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0;
}

function badInput(what: string): Error {
  return invalidValue('input', `Invalid 'input': ${what}.`);
}

function parseDimensions({ dimensions }: JsonObject, most: number): number {
  if (dimensions === undefined || dimensions === null) return most;
  if (typeof dimensions === 'number' && Number.isInteger(dimensions) && dimensions >= 1 && dimensions <= most) {
    return dimensions;
  }
  throw invalidValue('dimensions', `Invalid 'dimensions': expected an integer from 1 to ${most}.`);
}

function parseEncoding({ encoding_format: format }: JsonObject): string {
  if (format === undefined || format === null) return 'float';
  if (format === 'float' || format === 'base64') return format;
  throw invalidValue('encoding_format', "Invalid 'encoding_format': expected 'float' or 'base64'.");
}
