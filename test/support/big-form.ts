import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A file of a form. */
export interface FormFile {
  readonly name: string;
  readonly filename: string;
  readonly contentType: string;
  readonly bytes: Buffer;
}

export interface BigForm {
  readonly fields: Readonly<Record<string, string>>;
  readonly files: readonly FormFile[];
  /** Hangs up when this share of it is sent. */
  readonly stopAt?: number;
  /** Hangs up when all is sent and this has come, unless the answer is there. */
  readonly patience?: Promise<void>;
}

const pieceBytes = 256 * 1024;

/** Sends a form piece by piece, as fast as it is taken; the same buffer may be many of its files. */
export async function sendForm(
  url: string,
  apiKey: string,
  { fields, files, stopAt = 1, patience }: BigForm,
): Promise<{ status: number; body: string } | 'hung up'> {
  const boundary = `----${randomBytes(12).toString('hex')}`;
  const pieces = [...piecesOf(fields, files, boundary)];
  const total = pieces.reduce((sum, { length }) => sum + length, 0);
  const sending = request(url, {
    method: 'POST',
    agent: false,
    headers: {
      authorization: `Bearer ${apiKey}`,
      'content-type': `multipart/form-data; boundary=${boundary}`,
      'content-length': total,
    },
  });
  const answered = once(sending, 'response') as Promise<[IncomingMessage]>;
  // Looked at when all is sent.
  answered.catch(() => undefined);
  let sent = 0;
  for (const piece of pieces) {
    if (sent >= total * stopAt && stopAt < 1) {
      sending.on('error', () => undefined).destroy();
      return 'hung up';
    }
    sent += piece.length;
    if (!sending.write(piece) && !sending.destroyed) await Promise.race([once(sending, 'drain'), answered]);
  }
  sending.end();
  const first = await Promise.race([answered, ...(patience ? [patience] : [])]);
  if (!first) {
    sending.on('error', () => undefined).destroy();
    return 'hung up';
  }
  const [response] = first;
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() };
}

function* piecesOf(fields: BigForm['fields'], files: readonly FormFile[], boundary: string): Generator<Buffer> {
  for (const [name, value] of Object.entries(fields)) {
    yield Buffer.from(`--${boundary}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`);
  }
  for (const { name, filename, contentType, bytes } of files) {
    const disposition = `content-disposition: form-data; name="${name}"; filename="${filename}"`;
    yield Buffer.from(`--${boundary}\r\n${disposition}\r\ncontent-type: ${contentType}\r\n\r\n`);
    for (let start = 0; start < bytes.length; start += pieceBytes) yield bytes.subarray(start, start + pieceBytes);
    yield Buffer.from('\r\n');
  }
  yield Buffer.from(`--${boundary}--\r\n`);
}

/** What reached the provider of one call. */
export interface Swallowed {
  readonly path: string;
  bytes: number;
  /** All of it, when it was asked for. */
  readonly kept: Buffer[];
}

/** A provider on OpenAI's wire that reads every upload to its end and keeps nothing of it. */
export class SwallowingUpstream {
  readonly calls: Swallowed[] = [];
  keeps = false;
  /** Until it is false again no call is answered. */
  isSilent = false;
  private readonly server: Server = createServer((incoming, response) => void this.answer(incoming, response));

  async listen(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1`;
  }

  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  private async answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const call: Swallowed = { path: incoming.url ?? '', bytes: 0, kept: [] };
    this.calls.push(call);
    try {
      for await (const chunk of incoming) {
        call.bytes += (chunk as Buffer).length;
        if (this.keeps) call.kept.push(chunk as Buffer);
      }
    } catch {
      // The gateway hung up, since its caller did.
      return;
    }
    if (this.isSilent) return;
    const body = call.path.includes('/images/') ? imageAnswer : transcript;
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }
}

const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';
const imageAnswer = {
  created: 1_767_225_600,
  data: [{ b64_json: pixel }],
  usage: {
    input_tokens: 2,
    input_tokens_details: { text_tokens: 1, image_tokens: 1 },
    output_tokens: 1,
    total_tokens: 3,
  },
};
const transcript = { text: 'Noise.', usage: { type: 'duration', seconds: 1 } };
