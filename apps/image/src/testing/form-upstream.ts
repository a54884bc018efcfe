import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Busboy, type BusboyHeaders } from '@fastify/busboy';

/** A form as it arrived; of its files only what tells them apart. */
export interface ReceivedForm {
  readonly path: string;
  readonly contentLength: number;
  /** So many came. */
  bytes: number;
  readonly fields: [name: string, value: string][];
  readonly files: { name: string; filename: string; contentType: string; bytes: number; sha256: string }[];
  /** The connection broke before the form was whole. */
  broken: boolean;
}

/** A provider on 127.0.0.1 that reads forms without keeping them. */
export class FormUpstream {
  readonly received: ReceivedForm[] = [];
  /** By the first part of the path. */
  readonly answers = new Map<string, (response: ServerResponse, form: ReceivedForm) => void>();
  url = '';
  /** Told of every piece that arrives. */
  onBytes: (form: ReceivedForm) => void = () => undefined;
  private readonly server = createServer((request, response) => this.read(request, response));

  async listen(): Promise<void> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    this.url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  private read(request: IncomingMessage, response: ServerResponse): void {
    const { url: path = '', headers } = request;
    const contentLength = Number(headers['content-length'] ?? -1);
    const form: ReceivedForm = { path, contentLength, bytes: 0, fields: [], files: [], broken: false };
    this.received.push(form);
    const busboy = new Busboy({ headers: headers as BusboyHeaders });
    busboy.on('field', (name, value) => form.fields.push([name, value]));
    busboy.on('file', (...[name, stream, filename, , contentType]) => {
      const hash = createHash('sha256');
      let bytes = 0;
      stream.on('data', (chunk: Buffer) => {
        hash.update(chunk);
        bytes += chunk.length;
      });
      stream.on('end', () => form.files.push({ name, filename, contentType, bytes, sha256: hash.digest('hex') }));
    });
    busboy.on('finish', () => this.answers.get(path.split('/')[1] ?? '')?.(response, form));
    request.on('data', (chunk: Buffer) => {
      form.bytes += chunk.length;
      this.onBytes(form);
    });
    request.on('error', () => {
      form.broken = true;
    });
    request.pipe(busboy);
  }
}
