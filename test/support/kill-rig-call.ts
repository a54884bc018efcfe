import { type ClientRequest, type IncomingMessage, request } from 'node:http';

/** What its caller saw of a call in the end; `broken`: the connection broke before or within the answer. */
export interface SeenAnswer {
  readonly status: number | 'broken';
  readonly text: string;
  readonly headers: IncomingMessage['headers'];
}

export interface WatchedCallOptions {
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly model: string;
  readonly stream?: boolean;
  readonly prompt?: string;
  readonly idempotencyKey?: string;
  /** Sends only half of its body. */
  readonly halfSent?: boolean;
}

/** One chat completion on a connection of its own, which its caller may leave at any moment. */
export class WatchedCall {
  /** Never rejects. */
  readonly answer: Promise<SeenAnswer>;
  private readonly outgoing: ClientRequest;
  private readonly content = Promise.withResolvers<void>();
  private readonly connected = Promise.withResolvers<number>();
  private text = '';

  constructor(options: WatchedCallOptions) {
    const { baseUrl, apiKey, model, stream = false, prompt = 'Hello', idempotencyKey } = options;
    const body = Buffer.from(JSON.stringify({ model, stream, messages: [{ role: 'user', content: prompt }] }));
    this.outgoing = request(`${baseUrl}/chat/completions`, {
      method: 'POST',
      agent: false,
      headers: {
        authorization: `Bearer ${apiKey}`,
        'content-type': 'application/json',
        'content-length': body.length,
        ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
      },
    });
    this.answer = this.watch();
    this.outgoing.once('socket', (socket) =>
      socket.once('connect', () => this.connected.resolve(socket.localPort ?? 0)),
    );
    if (options.halfSent) this.outgoing.write(body.subarray(0, body.length / 2));
    else this.outgoing.end(body);
  }

  /** The caller's own port of the connection. */
  get port(): Promise<number> {
    return this.connected.promise;
  }

  /** Resolves with the first text of a model; rejects if the answer ends without. */
  get firstContent(): Promise<void> {
    return this.content.promise;
  }

  /** Closes the connection without a word. */
  leave(): void {
    this.outgoing.destroy();
  }

  private watch(): Promise<SeenAnswer> {
    this.content.promise.catch(() => undefined); // only some callers wait for it
    return new Promise((resolve) => {
      let answer: IncomingMessage | undefined;
      const finish = (status: SeenAnswer['status']) => {
        this.content.reject(new Error(`no content came: ${status} ${this.text}`));
        resolve({ status, text: this.text, headers: answer?.headers ?? {} });
      };
      this.outgoing.on('error', () => finish('broken'));
      this.outgoing.on('response', (response) => {
        answer = response;
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          this.text += chunk;
          if (/"content":"[^"]/.test(this.text)) this.content.resolve();
        });
        response.on('error', () => finish('broken'));
        response.on('end', () => finish(response.statusCode ?? 0));
        response.on('close', () => finish('broken'));
      });
    });
  }
}
