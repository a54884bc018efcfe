import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AddressRules } from './address-rules.js';
import { MediaFetcher, type MediaFetcherOptions } from './media-fetcher.js';
import { allowedUrls, refusedUrls } from './testing/url-corpus.js';
import { gif, png } from './testing/sample-images.js';

const param = 'messages[0].content[0].image_url';

/** The test's own public internet is 127.0.0.1; 127.0.0.2 and [::1] stand for what must never be reached. */
const rules = AddressRules.parse('127.0.0.1');
const names: Readonly<Record<string, readonly string[]>> = {
  'public.test': ['127.0.0.1'],
  'private.test': ['127.0.0.2'],
  'private6.test': ['::1'],
  'mixed.test': ['127.0.0.1', '127.0.0.2'],
  'metadata.test': ['169.254.169.254'],
  'empty.test': [],
};

let servers: { close(): unknown; closeAllConnections?(): void }[];
let sockets: Socket[];
let received: IncomingMessage[];
let port: number;
let answer: (response: ServerResponse, request: IncomingMessage) => unknown;
let hits: string[];

beforeEach(async () => {
  [servers, sockets, received, hits] = [[], [], [], []];
  answer = (response) => response.end(png(3, 2));
  const server = createHttpServer((request, response) => {
    received.push(request);
    answer(response, request);
  }).listen(0, '127.0.0.1');
  server.on('connection', (socket) => sockets.push(socket));
  await once(server, 'listening');
  servers.push(server);
  port = (server.address() as AddressInfo).port;
  for (const host of ['127.0.0.2', '::1']) await trap(host, port);
});

afterEach(() => {
  for (const server of servers) {
    server.close();
    server.closeAllConnections?.();
  }
});

/** Somewhere that nobody may come. False: this machine does not let us listen there. */
async function trap(host: string, trapPort: number): Promise<boolean> {
  const server: Server = createServer((socket) => {
    hits.push(`${host}:${trapPort}`);
    socket.on('error', () => undefined).end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
  }).listen(trapPort, host);
  servers.push(server);
  return once(server, 'listening').then(
    () => true,
    () => false,
  );
}

function addresses(list: readonly string[]) {
  return list.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
}

function fetcher(options: MediaFetcherOptions = {}) {
  const resolve = async (name: string) => {
    const found = names[name];
    if (!found) throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
    return addresses(found);
  };
  return new MediaFetcher({ rules, resolve, headersMs: 2_000, totalMs: 4_000, ...options });
}

const use = (signal = new AbortController().signal) => ({ param, signal });

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => ({ code: 'fine', param }),
    (failure: unknown) => failure as { code: string; param: string; message: string },
  );
  // No address, and no word of the other side.
  expect(JSON.stringify(error)).not.toMatch(/127\.0\.0|::1|ECONN|whoami/);
  expect(error.param).toBe(param);
  return error.code;
}

const at = (path: string) => `http://public.test:${port}${path}`;

describe('the fetcher of media', () => {
  it('brings an image, without credentials, cookies or a connection for the next one', async () => {
    answer = (response) =>
      response.setHeader('set-cookie', 'a=b').writeHead(200, { 'content-type': 'text/html' }).end(png(3, 2));
    const media = fetcher();
    for (let count = 0; count < 2; count++) {
      expect(await media.fetch(at('/a%20b.png?q=1'), use())).toEqual({ bytes: png(3, 2), contentType: 'image/png' });
    }
    expect(
      received.map(({ url, headers }) => [url, headers['accept-encoding'], headers.cookie, headers.authorization]),
    ).toEqual(Array(2).fill(['/a%20b.png?q=1', 'identity', undefined, undefined]));
    expect(received[0]?.headers.host).toBe(`public.test:${port}`);
    expect(sockets.length).toBe(2);
  });

  it('sends nothing anywhere for a URL that must not be called', async () => {
    const onWebPort = (await Promise.all(['127.0.0.1', '127.0.0.2', '::1'].map((host) => trap(host, 80)))).some(
      Boolean,
    );
    const loopback = async () => addresses(['127.0.0.1', '::1']);
    const opened = AddressRules.parse('203.0.113.77');
    const corpus = Object.values(refusedUrls).flat();
    const codes = new Set<string>();
    for (const url of corpus) {
      const own = url.replace(/^(http:\/\/(?:\[[^\]]*\]|[^/:@]+))\/$/, `$1:${port}/`);
      // Without the text's check too: names and ports are then left to the connection.
      for (const strict of [AddressRules.publicOnly, opened]) {
        for (const text of [url, own]) {
          codes.add(await codeOf(fetcher({ rules: strict, resolve: loopback }).fetch(text, use())));
        }
      }
    }
    // Public names that lead here.
    for (const url of allowedUrls.filter((text) => /[a-z]{3}\.(?:com|de)/i.test(text))) {
      codes.add(await codeOf(fetcher({ rules: AddressRules.publicOnly, resolve: loopback }).fetch(url, use())));
    }
    expect([...codes]).toEqual(['image_url_not_allowed']);
    expect([hits, received.length, sockets.length]).toEqual([[], 0, 0]);
    // The traps do catch what comes.
    await codeOf(fetcher({ rules: AddressRules.parse('127.0.0.2') }).fetch(`http://private.test:${port}/`, use()));
    expect(hits).toEqual([`127.0.0.2:${port}`]);
    if (onWebPort) {
      await codeOf(fetcher({ rules: AddressRules.parse('127.0.0.0/8') }).fetch('http://private.test/', use()));
      expect(hits.at(-1)).toBe('127.0.0.2:80');
    }
  }, 20_000);

  it('refuses a name when any of its addresses is private', async () => {
    for (const name of ['private', 'private6', 'mixed', 'metadata', 'empty']) {
      expect([name, await codeOf(fetcher().fetch(`http://${name}.test:${port}/`, use()))]).toEqual([
        name,
        'image_url_not_allowed',
      ]);
    }
    expect([hits, received.length]).toEqual([[], 0]);
  });

  it('calls the address that it judged, whatever the name says next', async () => {
    const asked: string[] = [];
    const rebinding = async (name: string) => {
      asked.push(name);
      return addresses([asked.length === 1 ? '127.0.0.1' : '127.0.0.2']);
    };
    const media = fetcher({ resolve: rebinding });
    expect(await codeOf(media.fetch(at('/'), use()))).toBe('fine');
    expect([asked.length, received.length, hits]).toEqual([1, 1, []]);
    expect(await codeOf(media.fetch(at('/'), use()))).toBe('image_url_not_allowed');
    expect([asked.length, received.length, hits]).toEqual([2, 1, []]);
  });

  it('asks again for every hop, and judges the answer', async () => {
    let asked = 0;
    const rebinding = async () => addresses([++asked === 1 ? '127.0.0.1' : '127.0.0.2']);
    answer = (response) => response.writeHead(302, { location: at('/again') }).end();
    expect(await codeOf(fetcher({ resolve: rebinding }).fetch(at('/'), use()))).toBe('image_url_not_allowed');
    expect([asked, received.length, hits]).toEqual([2, 1, []]);
  });

  it('follows three redirects and no more', async () => {
    answer = (response, { url }) => {
      const left = Number(url?.slice(1));
      if (left === 0) response.end(png(3, 2));
      else response.writeHead([301, 302, 303, 307, 308][left] as number, { location: `/${left - 1}` }).end('moved');
    };
    expect(await codeOf(fetcher().fetch(at('/3'), use()))).toBe('fine');
    expect(received.length).toBe(4);
    expect(await codeOf(fetcher().fetch(at('/4'), use()))).toBe('image_download_failed');
    expect(received.length).toBe(8);
  });

  it('follows no redirect into a private place', async () => {
    const locations = [
      `http://127.0.0.2:${port}/`,
      `http://[::1]:${port}/`,
      `http://private.test:${port}/whoami`,
      `//private6.test:${port}/`,
      `http://2130706434:${port}/`,
      'http://169.254.169.254/latest/meta-data/',
      'http://metadata.test/',
      'file:///etc/passwd',
      'data:image/png;base64,AAAA',
      `http://user:password@public.test:${port}/`,
      // All that lead elsewhere than to 127.0.0.1, which is this test's public internet.
      ...Object.entries(refusedUrls).flatMap(([what, urls]) => (/^(?:169|10\.|192|ranges)/.test(what) ? urls : [])),
    ].filter((url) => !url.startsWith('http://127.'));
    expect(locations.length).toBeGreaterThan(100);
    let location = '';
    answer = (response) => response.writeHead(302, { location }).end();
    for (location of locations) {
      expect([location, await codeOf(fetcher().fetch(at('/'), use()))]).toEqual([location, 'image_url_not_allowed']);
    }
    expect(hits).toEqual([]);
  }, 20_000);

  it('says what is wrong with a redirect to nowhere', async () => {
    for (const headers of [{}, { location: 'http://[' }]) {
      answer = (response) => response.writeHead(302, headers).end();
      expect(await codeOf(fetcher().fetch(at('/'), use()))).toBe('image_download_failed');
    }
  });

  it.each<[string, (response: ServerResponse) => unknown]>([
    ['404', (response) => response.writeHead(404).end(png(3, 2))],
    ['500 with a word of its own', (response) => response.writeHead(500).end('whoami')],
    ['206', (response) => response.writeHead(206).end(png(3, 2))],
    ['no answer', () => undefined],
    ['headers and then nothing', (response) => response.flushHeaders()],
    [
      'a byte now and then',
      (response) => {
        response.write(png(3, 2));
        const timer = setInterval(() => response.write('a'), 50);
        response.on('close', () => clearInterval(timer));
      },
    ],
    [
      'more than it may be, and says so',
      (response) => response.writeHead(200, { 'content-length': '30000000' }).write(png(3, 2)),
    ],
    [
      'an endless image',
      (response) => {
        response.write(png(3, 2));
        const more = () => {
          while (!response.destroyed && response.write(Buffer.alloc(65_536)));
        };
        response.on('drain', more);
        more();
      },
    ],
    ['compressed', (response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(png(3, 2))],
    ['a broken connection', (response) => response.destroy()],
    [
      'half an image',
      (response) => {
        response.writeHead(200, { 'content-length': '1000' }).write(png(3, 2));
        setTimeout(() => response.destroy(), 20);
      },
    ],
    ['no HTTP', (response) => response.socket?.end('SSH-2.0-OpenSSH\r\n')],
    ['headers without end', (response) => response.writeHead(200, { 'x-large': 'a'.repeat(60_000) }).end()],
  ])('is image_download_failed, and over within its time: %s', async (_, script) => {
    answer = script;
    const started = performance.now();
    expect(await codeOf(fetcher({ headersMs: 400, totalMs: 900 }).fetch(at('/'), use()))).toBe('image_download_failed');
    expect(performance.now() - started).toBeLessThan(1_800);
    while (sockets.some((socket) => !socket.destroyed)) await new Promise((resolve) => setTimeout(resolve, 5));
  });

  it.each([
    ['a page', Buffer.from('<!doctype html><html><body>not found, and a lot of other words</body></html>')],
    ['SVG', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>')],
    ['nothing', Buffer.alloc(0)],
    ['too many pixels', gif(60_000, 60_000)],
    ['a PNG bomb', png(50_000, 50_000)],
    ['sound', Buffer.from('49443303000000000000', 'hex')],
  ])('is invalid_image: %s', async (_, bytes) => {
    answer = (response) => response.writeHead(200, { 'content-type': 'image/png' }).end(bytes);
    expect(await codeOf(fetcher().fetch(at('/'), use()))).toBe('invalid_image');
  });

  it('brings sound where sound is asked for, and nothing else', async () => {
    answer = (response) => response.end(Buffer.from('49443303000000000000', 'hex'));
    const sound = { ...use(), kind: 'audio' as const };
    expect((await fetcher().fetch(at('/'), sound)).contentType).toBe('audio/mpeg');
    answer = (response) => response.end(png(3, 2));
    expect(await codeOf(fetcher().fetch(at('/'), sound))).toBe('image_download_failed');
  });

  it('stops when several together are too much', async () => {
    answer = (response) => response.end(Buffer.concat([png(3, 2), Buffer.alloc(1_000)]));
    const budget = { bytes: 2_000 };
    const codes = [1, 2].map(() => codeOf(fetcher().fetch(at('/'), { ...use(), budget })));
    expect((await Promise.all(codes)).toSorted()).toEqual(['fine', 'image_download_failed']);
  });

  it('says so when the name does not exist, or its server is away', async () => {
    expect(await codeOf(fetcher().fetch('http://nowhere.test/', use()))).toBe('image_download_failed');
    expect(await codeOf(fetcher().fetch('http://public.test:1/', use()))).toBe('image_download_failed');
    const never = () => new Promise<never>(() => undefined);
    expect(await codeOf(fetcher({ resolve: never, headersMs: 300 }).fetch(at('/'), use()))).toBe(
      'image_download_failed',
    );
  });

  it('ends with its call, and takes so many at once', async () => {
    answer = () => undefined;
    const leaving = new AbortController();
    const media = fetcher({ maxInFlight: 2, headersMs: 5_000, totalMs: 5_000 });
    const pending = [1, 2].map(() => media.fetch(at('/'), use(leaving.signal)).catch((error: unknown) => error));
    await expect(media.fetch(at('/'), use())).rejects.toMatchObject({ code: 'overloaded' });
    while (received.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    leaving.abort();
    await Promise.all(pending);
    answer = (response) => response.end(png(3, 2));
    expect(await codeOf(media.fetch(at('/'), use()))).toBe('fine');
  });
});
