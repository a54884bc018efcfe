import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import sharp from 'sharp';
import { type GatewayProcess, startGateway } from '../support/gateway-process.js';

/** The private place that nobody opened. */
const forbidden = '127.0.0.2';
let servers: Server[];
let open: string;
let secret: string;
let seen = 0;
let gateway: GatewayProcess;

function listen(host: string, handle: RequestListener): Promise<string> {
  const server = createServer(handle);
  servers.push(server);
  return new Promise((resolve) => {
    server.listen(0, host, () => resolve(`http://${host}:${(server.address() as AddressInfo).port}`));
  });
}

beforeAll(async () => {
  servers = [];
  const image = await sharp({ create: { width: 32, height: 32, channels: 3, background: '#336699' } })
    .png()
    .toBuffer();
  secret = await listen(forbidden, (_request, response) => {
    seen++;
    response.end(image);
  });
  const pages: Readonly<Record<string, RequestListener>> = {
    '/good.png': (_request, response) => response.end(image),
    '/moved': (_request, response) => response.writeHead(302, { location: `${secret}/secret` }).end(),
    '/page': (_request, response) => response.end('<!doctype html><p>no image'),
    '/endless.png': (_request, response) => {
      response.write(image);
      const timer = setInterval(() => response.write(Buffer.alloc(1024 * 1024)), 1);
      response.once('close', () => clearInterval(timer));
    },
    '/silent': () => undefined,
  };
  open = await listen('127.0.0.1', (request, response) => {
    const page = pages[request.url ?? ''];
    if (page) page(request, response);
    else response.writeHead(404).end();
  });
  gateway = await startGateway({ env: { MODAPI_EGRESS_ALLOWED_ADDRESSES: '127.0.0.1/32' } });
}, 120_000);

afterAll(async () => {
  await gateway?.stop();
  for (const server of servers) server.closeAllConnections();
  for (const server of servers) server.close();
});

async function ask(url: string) {
  const content = [{ type: 'image_url', image_url: { url } }];
  const answer = await fetch(`${gateway.baseUrl}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'sandbox/chat', messages: [{ role: 'user', content }] }),
  });
  const { error } = (await answer.json()) as { error?: { code: string; param: string } };
  return { status: answer.status, code: error?.code, param: error?.param };
}

const refused = (code: string) => ({ status: 400, code, param: 'messages[0].content[0].image_url' });

describe('an image that a chat names by URL, through the whole gateway', () => {
  it('is fetched for a provider that cannot, from where the operator allows', async () => {
    expect(await ask(`${open}/good.png`)).toMatchObject({ status: 200 });
  });

  it.each([
    ['a private address', () => `${secret}/secret`, 'image_url_not_allowed'],
    ['an address of the cloud', () => 'http://169.254.169.254/latest/meta-data', 'image_url_not_allowed'],
    ['a redirect to a private address', () => `${open}/moved`, 'image_url_not_allowed'],
    ['nothing there', () => `${open}/missing.png`, 'image_download_failed'],
    ['a body without an end', () => `${open}/endless.png`, 'image_download_failed'],
    ['a server that says nothing', () => `${open}/silent`, 'image_download_failed'],
    ['a page', () => `${open}/page`, 'invalid_image'],
  ])(
    'is refused by name: %s',
    async (_what, url, code) => {
      expect(await ask(url())).toEqual(refused(code));
    },
    20_000,
  );

  it('reached nobody in private', () => {
    expect(seen).toBe(0);
  });
});
