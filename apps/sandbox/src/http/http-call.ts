import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** One HTTP exchange. */
export class HttpCall {
  readonly id = `req_${randomBytes(12).toString('hex')}`;
  private readonly startedAt = performance.now();
  private parsedUrl: URL | undefined;

  constructor(
    readonly request: IncomingMessage,
    readonly response: ServerResponse,
  ) {}

  get url(): URL {
    this.parsedUrl ??= new URL(this.request.url ?? '/', 'http://sandbox');
    return this.parsedUrl;
  }

  /** The path as it came, without its query. */
  get path(): string {
    return (this.request.url ?? '/').split('?', 1)[0] ?? '/';
  }

  header(name: string): string | undefined {
    const value = this.request.headers[name];
    return typeof value === 'string' ? value : value?.[0];
  }

  /** On every answer, as OpenAI sends them. */
  answerHeaders(): Record<string, string> {
    return {
      'x-request-id': this.id,
      'openai-version': '2020-10-01',
      'openai-processing-ms': String(Math.round(performance.now() - this.startedAt)),
    };
  }

  sendJson(status: number, json: string, headers: Readonly<Record<string, string>> = {}): void {
    if (this.response.headersSent || this.response.destroyed) return;
    this.response.writeHead(status, {
      ...this.answerHeaders(),
      ...headers,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(json),
    });
    this.response.end(json);
  }
}
