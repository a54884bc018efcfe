import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What an upstream received. */
export interface Received {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  /** With its query. */
  readonly path: string;
  readonly bytes: Buffer;
  /** The bytes as text. */
  readonly body: string;
  /** Resolves with the time when the connection ended before the answer did. */
  readonly aborted: Promise<number>;
}

export type Script = (response: ServerResponse, received: Received) => void | Promise<void>;

/** A provider on 127.0.0.1 that does what each test says: `/<name>/v1/…` plays the script `name`. */
export class ScriptedUpstream {
  private readonly received = new Map<string, Received[]>();
  private readonly scripts = new Map<string, Script>();
  private readonly server = createServer((request, response) => void this.answer(request, response));

  /** Its URL: give a provider `<url>/<name>/v1` as its base. */
  async listen(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  /** Sets what `name` does from now on, and forgets what it received. */
  script(name: string, script: Script): void {
    this.scripts.set(name, script);
    this.received.set(name, []);
  }

  /** All that a script received, oldest first. */
  of(name: string): Received[] {
    return this.received.get(name) ?? [];
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { promise: aborted, resolve } = Promise.withResolvers<number>();
    response.on('close', () => {
      if (!response.writableFinished) resolve(performance.now());
    });
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      return; // the gateway broke its upload off
    }
    const name = request.url?.split('/')[1] ?? '';
    const bytes = Buffer.concat(chunks);
    const { headers, method = '', url: path = '' } = request;
    const received = { method, headers, path, bytes, body: bytes.toString(), aborted };
    this.of(name).push(received);
    await this.scripts.get(name)?.(response, received);
  }
}

/** Answers with a status and a body. */
export function answers(
  status: number,
  body: object | string | Uint8Array,
  headers: Record<string, string> = {},
): (response: ServerResponse, received?: Received) => void {
  return (response) => {
    const plain = typeof body === 'string' || body instanceof Uint8Array;
    const type = body instanceof Uint8Array ? 'application/octet-stream' : 'application/json';
    response.writeHead(status, { 'content-type': type, ...headers }).end(plain ? body : JSON.stringify(body));
  };
}
