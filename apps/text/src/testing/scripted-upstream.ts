import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What an upstream received. */
export interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly path: string;
  readonly body: string;
  /** Resolves with the time when the connection ended before the answer did. */
  readonly aborted: Promise<number>;
}

export type Script = (response: ServerResponse, received: Received) => void | Promise<void>;

/** A provider on 127.0.0.1 that does what each test says: `/<name>/v1/chat/completions` plays the script `name`. */
export class ScriptedUpstream {
  readonly received = new Map<string, Received[]>();
  private readonly scripts = new Map<string, Script>();
  private readonly server = createServer((request, response) => void this.answer(request, response));

  async listen(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  script(name: string, script: Script): void {
    this.scripts.set(name, script);
    this.received.set(name, []);
  }

  of(name: string): Received[] {
    return this.received.get(name) ?? [];
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const name = request.url?.split('/')[1] ?? '';
    const { promise: aborted, resolve } = Promise.withResolvers<number>();
    response.on('close', () => {
      if (!response.writableFinished) resolve(performance.now());
    });
    const received = {
      headers: request.headers,
      path: request.url ?? '',
      body: Buffer.concat(chunks).toString(),
      aborted,
    };
    this.of(name).push(received);
    await this.scripts.get(name)?.(response, received);
  }
}

/** One streamed chunk of a chat completion. */
export function chunk(delta: object | null, rest: object = {}): string {
  const choices = delta === null ? [] : [{ index: 0, delta, logprobs: null, finish_reason: null }];
  return `data: ${JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'up-model', choices, ...rest })}\n\n`;
}

export const usage = { prompt_tokens: 9, completion_tokens: 4, total_tokens: 13 };

export const wholeStream = [
  chunk({ role: 'assistant', content: '' }, { usage: null }),
  chunk({ content: 'Hello' }, { usage: null }),
  chunk({ content: ' there' }, { usage: null }),
  chunk({}, { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }], usage: null }),
  chunk(null, { usage }),
  'data: [DONE]\n\n',
];

/** Answers with events, a moment between them. */
export function streams(events: readonly string[], delayMs = 2): Script {
  return async (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'x-request-id': 'req_up', 'set-cookie': 'a=b' });
    for (const event of events) {
      response.write(event);
      await new Promise((resolve) => setTimeout(resolve, delayMs));
    }
    response.end();
  };
}

/** Answers with a status and a body. */
export function answers(status: number, body: object | string, headers: Record<string, string> = {}): Script {
  return (response) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text);
  };
}
