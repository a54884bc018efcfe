import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { answers, ScriptedUpstream, streams, wholeStream } from './testing/scripted-upstream.js';
import { type CallOptions, TextWorker } from './testing/text-worker.js';

/** One pixel. */
const gif = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64');
const dataUrl = `data:image/gif;base64,${gif.toString('base64')}`;
const usage = { prompt_tokens: 9, completion_tokens: 4, total_tokens: 13 };
const answer = {
  ...{ id: 'c', object: 'chat.completion', created: 1, model: 'up-model', usage },
  choices: [{ index: 0, message: { role: 'assistant', content: 'A pixel.' }, finish_reason: 'stop' }],
};

const upstream = new ScriptedUpstream();
let worker: TextWorker;
let traps: Server[];
let trapped = 0;
let asked: string[];
let answerWith: (response: ServerResponse, request: IncomingMessage) => unknown;
let images: string;
let port: number;

const imageServer = createServer((request, response) => {
  asked.push(request.url ?? '');
  answerWith(response, request);
});

beforeAll(async () => {
  const url = await upstream.listen();
  imageServer.listen(0, '127.0.0.1');
  await once(imageServer, 'listening');
  port = (imageServer.address() as AddressInfo).port;
  images = `http://127.0.0.1:${port}`;
  traps = ['127.0.0.2', '::1'].map((host) =>
    createTcpServer((socket) => {
      trapped++;
      socket.destroy();
    }).listen(port, host),
  );
  const price = { input: '0.15', output: '0.60' };
  const model = (name: string) => ({ id: name, deployments: [{ provider: name, model: 'up-model', price }] });
  worker = await TextWorker.start(
    {
      providers: {
        own: { preset: 'llama-cpp', baseUrl: `${url}/own/v1` },
        vendor: { preset: 'openai-compatible', baseUrl: `${url}/vendor/v1` },
      },
      models: [model('own'), model('vendor')],
    },
    { MODAPI_EGRESS_ALLOWED_ADDRESSES: '127.0.0.1' },
  );
});

beforeEach(() => {
  asked = [];
  answerWith = (response) => response.end(gif);
  upstream.script('own', answers(200, answer));
  upstream.script('vendor', answers(200, answer));
});

afterAll(async () => {
  await worker.stop();
  upstream.close();
  imageServer.close();
  imageServer.closeAllConnections();
  for (const trap of traps) trap.close();
});

const image = (url: string) => ({ type: 'image_url', image_url: { url, detail: 'low' } });

async function see(model: string, parts: unknown[], rest: Record<string, unknown> = {}, options: CallOptions = {}) {
  const requestId = worker.nextRequestId();
  const messages = [{ role: 'user', content: [{ type: 'text', text: 'What is this?' }, ...parts] }];
  const reply = await worker.call(
    { seed: 9_007_199_254_740_993n.toString(), messages, model, ...rest },
    { requestId, ...options },
  );
  return { ...reply, error: reply.error?.gateway, sent: upstream.of(model), attempts: worker.eventsOf(requestId) };
}

const bodyOf = ({ sent }: Awaited<ReturnType<typeof see>>) =>
  JSON.parse(sent[0]?.body ?? 'null') as Record<string, unknown>;

describe('an image that a caller names by URL', () => {
  it("is fetched for a server of one's own, each URL once, and sent as data", async () => {
    const seen = await see('own', [image(`${images}/a`), image(dataUrl), image(`${images}/b`), image(`${images}/a`)]);
    expect([seen.status, seen.error]).toEqual([200, undefined]);
    expect(asked.toSorted()).toEqual(['/a', '/b']);
    expect(bodyOf(seen)).toMatchObject({
      model: 'up-model',
      messages: [{ content: [{ text: 'What is this?' }, ...Array(4).fill(image(dataUrl))] }],
    });
    expect(seen.attempts).toMatchObject([{ outcome: 'done', usage: { input: 9, output: 4 } }]);
  });

  it('is fetched for a stream too', async () => {
    upstream.script('own', streams(wholeStream));
    const seen = await see('own', [image(`${images}/a`)], { stream: true });
    expect(seen.body).toContain('there');
    expect(bodyOf(seen)).toMatchObject({
      stream_options: { include_usage: true },
      messages: [{ content: [{}, image(dataUrl)] }],
    });
  });

  it('is passed on to a vendor, who fetches it', async () => {
    const seen = await see('vendor', [image(`${images}/a`)]);
    expect([seen.status, asked]).toEqual([200, []]);
    expect(bodyOf(seen)).toMatchObject({ messages: [{ content: [{}, image(`${images}/a`)] }] });
  });

  it.each<[string, string, (response: ServerResponse) => unknown]>([
    ['image_download_failed', 'is not there', (response) => response.writeHead(404).end()],
    [
      'image_download_failed',
      'is too large',
      (response) => response.writeHead(200, { 'content-length': '99999999' }).write(gif),
    ],
    ['invalid_image', 'is a page', (response) => response.end('<html><script>alert(1)</script></html>')],
    [
      'image_url_not_allowed',
      'leads into our network',
      (response) => response.writeHead(302, { location: `http://127.0.0.2:${port}/` }).end(),
    ],
    [
      'image_url_not_allowed',
      'leads to metadata',
      (response) => response.writeHead(302, { location: 'http://169.254.169.254/' }).end(),
    ],
  ])('is %s when it %s, before any provider is asked', async (code, _, script) => {
    answerWith = script;
    const { error, sent, attempts } = await see('own', [image(dataUrl), image(`${images}/a`)]);
    expect(error).toMatchObject({ code, param: 'messages[0].content[2].image_url' });
    expect([sent.length, trapped]).toEqual([0, 0]);
    expect(attempts).toMatchObject([
      { outcome: 'upstream_error', usage: {}, usage_source: 'none', content_delivered: false, upstream_status: null },
    ]);
  });

  it('is refused without a connection where its address is private', async () => {
    for (const host of ['127.0.0.2', '[::1]', '0x7f000002', '[::ffff:7f00:2]']) {
      const { error, sent } = await see('own', [image(`http://${host}:${port}/`)]);
      expect([host, error, sent.length]).toEqual([host, expect.objectContaining({ code: 'image_url_not_allowed' }), 0]);
    }
    expect([trapped, asked]).toEqual([0, []]);
  });

  it('is one of few: so many at once, so many in all, so many bytes together', async () => {
    let open = 0;
    let most = 0;
    answerWith = (response) => {
      most = Math.max(most, ++open);
      setTimeout(() => response.end(gif, () => open--), 20);
    };
    const many = (count: number) => Array.from({ length: count }, (_, index) => image(`${images}/${index}`));
    expect((await see('own', many(30))).status).toBe(200);
    expect([most, asked.length]).toEqual([8, 30]);
    expect((await see('own', many(65))).error).toMatchObject({ code: 'invalid_value', param: 'messages' });
    expect(asked.length).toBe(30);
    answerWith = (response) => response.end(Buffer.concat([gif, Buffer.alloc(6_000_000)]));
    expect((await see('own', many(2))).status).toBe(200);
    const { error, sent } = await see('own', many(3));
    expect([error, sent.length]).toEqual([expect.objectContaining({ code: 'image_download_failed' }), 2]);
  });

  it('is let go when the caller leaves', async () => {
    const closed = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    answerWith = (response) => {
      response.on('close', () => closed.resolve());
      started.resolve();
    };
    const requestId = worker.nextRequestId();
    const messages = [{ role: 'user', content: [image(`${images}/slow`)] }];
    const call = worker.outgoing({ messages, model: 'own' }, { requestId });
    const ignore = () => undefined;
    const handle = worker.bus.call(call, {
      onNote: ignore,
      onHead: ignore,
      onData: ignore,
      onEnd: ignore,
      onError: ignore,
    });
    await started.promise;
    handle.cancel('client_abort');
    await closed.promise;
    while (worker.eventsOf(requestId).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(worker.eventsOf(requestId)).toMatchObject([{ outcome: 'client_abort', usage_source: 'none' }]);
    expect(upstream.of('own')).toEqual([]);
  });
});
