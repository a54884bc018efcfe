import type { IncomingMessage } from 'node:http';
import { isObject, type JsonObject } from '../json.js';
import { WireError } from '../wire-error.js';

const largestBody = 64 * 1024 * 1024;

/** Reads a JSON request's text: 415 for another content type, 413 above 64 MB. */
export async function readJsonText(request: IncomingMessage): Promise<string> {
  const type = (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase();
  if (type !== 'application/json') {
    throw new WireError(415, {
      message: `Unsupported content type '${type ?? ''}': send application/json.`,
      code: 'unsupported_media_type',
    });
  }
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    throw new WireError(415, { message: `Unsupported content encoding '${encoding}'.`, code: 'unsupported_encoding' });
  }
  if (Number(request.headers['content-length'] ?? 0) > largestBody) throw tooLarge(request);
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    length += piece.length;
    if (length > largestBody) throw tooLarge(request);
    pieces.push(piece);
  }
  return pieces.length === 1 && pieces[0] !== undefined ? pieces[0].toString() : Buffer.concat(pieces).toString();
}

/** Parses a body that must be a JSON object. */
export function parseJsonObject(text: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message.slice(0, 100) : '';
    throw new WireError(400, {
      message: `We could not parse the JSON body of your request. (${reason})`,
      code: 'invalid_json',
    });
  }
  if (!isObject(value)) throw new WireError(400, { message: 'The body must be a JSON object.', code: 'invalid_type' });
  return value;
}

function tooLarge(request: IncomingMessage): WireError {
  // The rest is read and dropped: a client that is still writing would see a reset instead of the answer.
  request.resume();
  return new WireError(413, { message: 'The request body is larger than 64 MB.', code: 'request_too_large' });
}
