import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import type { FormFile, RequestForm } from '#libs/contracts';
import type { Upstream, UpstreamRequest } from '../upstream.js';

/** A form for an upstream, of which only the length is known before its files are read. */
export interface FormBody {
  readonly contentType: string;
  readonly length: number;
  /** `files` are the bytes of all files, back to back; it is destroyed with the form. */
  open(files: Readable): Readable;
}

const readBytes = 64 * 1024;

/**
 * The caller's form under our own boundary: its fields in their order, then its files. A field of `replaced` takes its
 * new value where it stood, or stands at the end; one that is null is left out.
 */
export function formBody(form: RequestForm, replaced: Readonly<Record<string, string | null>>): FormBody {
  const boundary = `modapi-${randomBytes(18).toString('hex')}`;
  const fields = Buffer.concat(fieldsOf(form, replaced).map(([name, value]) => fieldPart(boundary, name, value)));
  const heads = form.files.map((file) => fileHead(boundary, file));
  const end = Buffer.from(`--${boundary}--\r\n`);
  const sizes = form.files.map(({ bytes }, index) => (heads[index]?.length ?? 0) + bytes + lineEnd.length);
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    length: sizes.reduce((sum, size) => sum + size, fields.length + end.length),
    open(files) {
      const parts = written({ fields, heads, end, sizes: form.files.map(({ bytes }) => bytes) }, files);
      const body = Readable.from(parts, { objectMode: false, highWaterMark: readBytes });
      const destroy = body._destroy.bind(body);
      // A generator that waits for its source hears of no destruction: the source must end first.
      body._destroy = (error, callback) => {
        files.destroy();
        destroy(error, callback);
      };
      return body;
    },
  };
}

/** The upstream call that carries a form. */
export function formRequest(
  upstream: Upstream,
  endpoint: string,
  { body, files, ownHeaders }: { body: FormBody; files: Readable; ownHeaders: readonly string[] },
): UpstreamRequest {
  const request = upstream.request(endpoint, emptyBody, ownHeaders);
  const headers = [...request.headers];
  const at = headers.findIndex((name, index) => index % 2 === 0 && name === 'content-type');
  headers.splice(at, 2, 'content-type', body.contentType, 'content-length', String(body.length));
  return { ...request, headers, body: body.open(files) };
}

const emptyBody = new Uint8Array(0);
const lineEnd = Buffer.from('\r\n');

function fieldsOf(form: RequestForm, replaced: Readonly<Record<string, string | null>>): (readonly [string, string])[] {
  const missing = new Map(Object.entries(replaced));
  const fields: (readonly [string, string])[] = [];
  for (const { name, value } of form.fields) {
    const instead = Object.hasOwn(replaced, name) ? replaced[name] : value;
    if (instead != null) fields.push([name, instead]);
    missing.delete(name);
  }
  for (const [name, value] of missing) if (value !== null) fields.push([name, value]);
  return fields;
}

function fieldPart(boundary: string, name: string, value: string): Buffer {
  return Buffer.from(`--${boundary}\r\ncontent-disposition: form-data; name="${quoted(name)}"\r\n\r\n${value}\r\n`);
}

function fileHead(boundary: string, { name, filename, contentType }: FormFile): Buffer {
  const disposition = `form-data; name="${quoted(name)}"; filename="${quoted(filename)}"`;
  const type = /^[\w.+-]+\/[\w.+-]+$/.test(contentType) ? contentType : 'application/octet-stream';
  return Buffer.from(`--${boundary}\r\ncontent-disposition: ${disposition}\r\ncontent-type: ${type}\r\n\r\n`);
}

/** As browsers do (WHATWG HTML, "multipart/form-data encoding algorithm"): a name cannot end its header. */
function quoted(text: string): string {
  return text.replaceAll('\n', '%0A').replaceAll('\r', '%0D').replaceAll('"', '%22');
}

interface FormPieces {
  readonly fields: Buffer;
  readonly heads: readonly Buffer[];
  readonly sizes: readonly number[];
  readonly end: Buffer;
}

async function* written({ fields, heads, sizes, end }: FormPieces, files: Readable): AsyncGenerator<Buffer> {
  yield fields;
  const source = files[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let rest: Buffer = Buffer.alloc(0);
  for (const [index, size] of sizes.entries()) {
    yield heads[index] as Buffer;
    let open = size;
    while (open > 0) {
      if (rest.length === 0) rest = await nextOf(source);
      const piece = rest.subarray(0, open);
      rest = rest.subarray(piece.length);
      open -= piece.length;
      yield piece;
    }
    yield lineEnd;
  }
  yield end;
}

async function nextOf(source: AsyncIterator<Buffer>): Promise<Buffer> {
  const next = await source.next();
  if (next.done) throw new Error('the files of the form ended early');
  return next.value;
}
