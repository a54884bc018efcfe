import { isUtf8 } from 'node:buffer';
import { type ErrorCode, GatewayError } from '#libs/contracts';
import { isWhiteSpace } from './json-bytes.js';
import { jsonPathAt } from './json-path.js';
import { JsonScanner, maxDepth, maxValues, type ScanProblem } from './json-scan.js';
import { maxKeys } from './key-table.js';

export type Span = [start: number, end: number];

/** A request body that was read once. */
export interface JsonBody {
  readonly value: Record<string, unknown>;
  /** As it came, without byte order mark and outer white space; the spans count from its start. */
  readonly bytes: Buffer;
  readonly modelSpan: Span | undefined;
  readonly streamOptionsSpan: Span | undefined;
}

const messages: Record<ScanProblem['code'], string> = {
  json_too_deep: `The JSON body nests deeper than ${maxDepth} levels. Flatten it.`,
  json_too_complex: `The JSON body has more than ${maxKeys} keys or ${maxValues} values. Split the request.`,
  duplicate_key: 'The JSON body has a key twice in one object. Send each key once.',
  forbidden_key:
    'The JSON body has a key that is not accepted (`__proto__`, or `prototype` under `constructor`). Remove it.',
  invalid_encoding: 'The JSON body has half of a surrogate pair. Send whole characters, as UTF-8 or as \\uXXXX\\uXXXX.',
  invalid_json: 'The request body is not valid JSON.',
};

const withPath: ReadonlySet<ErrorCode> = new Set(['duplicate_key', 'forbidden_key', 'invalid_encoding']);

// A scan is synchronous: one scanner, whose tables stay warm, serves all requests.
const scanner = new JsonScanner();

/** Reads a JSON object out of a request body; throws a `GatewayError` that names what is wrong with it. */
export function readJson(raw: Buffer): JsonBody {
  const bytes = trim(raw);
  if (bytes.length === 0) throw new GatewayError('invalid_json', 'The request body is empty. Send a JSON object.');
  if (!isUtf8(bytes)) throw new GatewayError('invalid_encoding', 'The request body is not valid UTF-8.');
  const problem = scanner.scan(bytes);
  if (problem) throw refusal(problem, bytes);
  const value = parse(bytes);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new GatewayError('invalid_type', 'The request body must be a JSON object.');
  }
  const { modelStart, modelEnd, streamOptionsStart, streamOptionsEnd } = scanner.spans;
  return {
    value: value as Record<string, unknown>,
    bytes,
    modelSpan: modelStart < 0 ? undefined : [modelStart, modelEnd],
    streamOptionsSpan: streamOptionsStart < 0 ? undefined : [streamOptionsStart, streamOptionsEnd],
  };
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    // Its message quotes the body, which may be a prompt: it goes nowhere.
    throw new GatewayError('invalid_json', messages.invalid_json);
  }
}

function trim(raw: Buffer): Buffer {
  let start = raw[0] === 0xef && raw[1] === 0xbb && raw[2] === 0xbf ? 3 : 0;
  let end = raw.length;
  while (start < end && isWhiteSpace(raw[start])) start++;
  while (end > start && isWhiteSpace(raw[end - 1])) end--;
  return start === 0 && end === raw.length ? raw : raw.subarray(start, end);
}

function refusal(problem: ScanProblem, bytes: Buffer): GatewayError {
  const path = withPath.has(problem.code) ? jsonPathAt(bytes, problem.offset) : '';
  return new GatewayError(problem.code, messages[problem.code], path === '' ? {} : { param: path });
}
