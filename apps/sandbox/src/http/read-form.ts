import { Busboy } from '@fastify/busboy';
import type { IncomingMessage } from 'node:http';
import { WireError } from '../wire-error.js';

/** A file of a form, in memory: the sandbox is small, its requests come through the gateway's own limits. */
export interface FormUpload {
  readonly name: string;
  readonly filename: string;
  readonly contentType: string;
  readonly bytes: Buffer;
}

/** A `multipart/form-data` request. */
export interface ReadForm {
  /** By name without brackets; a list where it came more than once. */
  field(name: string): string | undefined;
  fields(name: string): readonly string[];
  readonly files: readonly FormUpload[];
}

const largestForm = 1024 * 1024 * 1024;

/** Reads a form; 415 for another content type, 400 for a broken one. */
export async function readForm(request: IncomingMessage): Promise<ReadForm> {
  const type = request.headers['content-type'] ?? '';
  if (!/^multipart\/form-data;/i.test(type)) {
    throw new WireError(415, {
      message: `Unsupported content type '${type}': send multipart/form-data.`,
      code: 'unsupported_media_type',
    });
  }
  const fields: { name: string; value: string }[] = [];
  const files: FormUpload[] = [];
  try {
    await parse(request, type, { fields, files });
  } catch (error) {
    const reason = error instanceof Error ? error.message : '';
    throw new WireError(400, { message: `We could not parse the form of your request. (${reason})` });
  }
  const fieldsNamed = (name: string) => fields.filter((field) => plain(field.name) === name).map(({ value }) => value);
  return { fields: fieldsNamed, field: (name) => fieldsNamed(name).at(-1), files };
}

/** `image[]` is `image`. */
function plain(name: string): string {
  return name.replace(/\[\]$/, '');
}

function parse(
  request: IncomingMessage,
  type: string,
  { fields, files }: { fields: { name: string; value: string }[]; files: FormUpload[] },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const parser = new Busboy({
      headers: { 'content-type': type },
      limits: { fileSize: largestForm, fieldSize: 1024 * 1024 },
    });
    parser.on('field', (name, value) => fields.push({ name, value }));
    parser.on('file', (name, stream, ...[filename, , contentType]) => {
      const pieces: Buffer[] = [];
      stream.on('data', (piece: Buffer) => pieces.push(piece));
      stream.on('end', () => files.push({ name: plain(name), filename, contentType, bytes: Buffer.concat(pieces) }));
    });
    parser.on('finish', resolve);
    parser.on('error', reject);
    request.on('error', reject);
    request.on('aborted', () => reject(new Error('the client left')));
    request.pipe(parser);
  });
}
