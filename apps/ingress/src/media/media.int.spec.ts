import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { signMedia } from '#libs/contracts';
import { RawClient } from '../testing/raw-http.js';
import { startTestIngress, type TestIngress } from '../testing/test-ingress.js';
import { type ByteRange, MEDIA_STORE, type MediaStore } from './media-store.js';

const secret = 'a-secret-of-at-least-thirty-two-characters';
const content = Buffer.from(Array.from({ length: 1_000 }, (_, index) => index % 251));
const large = 64 * 1024 * 1024;
let ingress: TestIngress;
/** Streams that were opened and not destroyed yet, and bytes that were taken from them. */
let open = 0;
let taken = 0;

function bytesOf(from: Buffer, { first, last }: ByteRange): Readable {
  open++;
  let at = first;
  return new Readable({
    read(size) {
      const piece = from.subarray(at, Math.min(last + 1, at + size));
      at += piece.length;
      taken += piece.length;
      this.push(piece.length > 0 ? piece : null);
    },
    destroy(error, callback) {
      open--;
      callback(error);
    },
  });
}

const files: Record<string, { readonly content: Buffer; readonly contentType: string }> = {
  'org_1/a.png': { content, contentType: 'image/png' },
  'org_1/a.svg': { content, contentType: 'image/svg+xml' },
  'org_1/empty.mp3': { content: Buffer.alloc(0), contentType: 'audio/mpeg' },
  'org_1/large.mp4': { content: Buffer.alloc(large), contentType: 'video/mp4' },
};
const store: MediaStore = {
  find: (name) => {
    const file = files[name];
    if (!file) return Promise.resolve(undefined);
    const whole = { first: 0, last: file.content.length - 1 };
    return Promise.resolve({
      bytes: file.content.length,
      contentType: file.contentType,
      open: (range = whole) => Promise.resolve(bytesOf(file.content, range)),
    });
  },
};

beforeAll(async () => {
  ingress = await startTestIngress({ env: { MODAPI_MEDIA_SECRET: secret } });
  Object.assign(ingress.app.get<MediaStore>(MEDIA_STORE), store);
});
afterAll(() => ingress.stop());

function linkTo(name: string, seconds = 60): string {
  const { expires, signature } = signMedia(name, Math.floor(Date.now() / 1_000) + seconds, secret);
  return `/v1/media/${name}?expires=${expires}&signature=${signature}`;
}

const get = (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Response> =>
  fetch(ingress.url + path, { method, headers });

describe('a file of our store', () => {
  it('is there for whoever has the link, without a key', async () => {
    const answer = await get(linkTo('org_1/a.png'));
    expect(answer.status).toBe(200);
    expect(Buffer.from(await answer.arrayBuffer()).equals(content)).toBe(true);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'image/png',
      'content-length': '1000',
      'content-disposition': 'inline',
      'cache-control': expect.stringMatching(/^private, max-age=(59|60)$/),
      'x-content-type-options': 'nosniff',
      'accept-ranges': 'bytes',
      'x-request-id': expect.stringMatching(/^req_/),
    });
  });

  it('that a browser could run is only saved', async () => {
    const answer = await get(linkTo('org_1/a.svg'));
    expect(answer.headers.get('content-disposition')).toBe('attachment');
    expect(answer.headers.get('content-security-policy')).toMatch(/sandbox/);
    await answer.arrayBuffer();
  });

  it('HEAD tells of it and opens nothing', async () => {
    const before = taken;
    const answer = await get(linkTo('org_1/a.png'), {}, 'HEAD');
    expect([answer.status, answer.headers.get('content-length'), await answer.text()]).toEqual([200, '1000', '']);
    expect([open, taken]).toEqual([0, before]);
  });

  it('empty is empty', async () => {
    const answer = await get(linkTo('org_1/empty.mp3'));
    expect([answer.status, await answer.text()]).toEqual([200, '']);
  });

  it.each([
    ['bytes=0-9', 206, 'bytes 0-9/1000', 10],
    ['bytes=990-', 206, 'bytes 990-999/1000', 10],
    ['bytes=-5', 206, 'bytes 995-999/1000', 5],
    ['bytes=-5000', 206, 'bytes 0-999/1000', 1_000],
    ['bytes=10-5000', 206, 'bytes 10-999/1000', 990],
    ['bytes=9-3', 200, null, 1_000],
    ['bytes=0-1,4-5', 200, null, 1_000],
    ['lines=1-2', 200, null, 1_000],
    ['bytes=-', 200, null, 1_000],
  ])('%s', async (range, status, contentRange, bytes) => {
    const answer = await get(linkTo('org_1/a.png'), { range });
    const body = Buffer.from(await answer.arrayBuffer());
    expect([answer.status, answer.headers.get('content-range'), body.length]).toEqual([status, contentRange, bytes]);
    const first = Number(/bytes (\d+)/.exec(contentRange ?? '')?.[1] ?? 0);
    expect(body.equals(content.subarray(first, first + bytes))).toBe(true);
  });

  it.each(['bytes=1000-', 'bytes=-0', 'bytes=99999-100000'])('%s is beyond it', async (range) => {
    const answer = await get(linkTo('org_1/a.png'), { range });
    expect([answer.status, answer.headers.get('content-range')]).toEqual([416, 'bytes */1000']);
    expect(await answer.json()).toMatchObject({ error: { code: 'bad_request' } });
  });

  it('is read no faster than it is taken, and closed when the caller leaves', async () => {
    const before = taken;
    const client = await RawClient.open(ingress.port);
    client.socket.pause();
    client.send(`GET ${linkTo('org_1/large.mp4')} HTTP/1.1\r\nHost: a\r\n\r\n`);
    while (open === 0) await sleep(5);
    await sleep(300);
    expect(taken - before).toBeLessThan(large / 2);
    client.close();
    for (let wait = 0; open > 0 && wait < 200; wait++) await sleep(10);
    expect(open).toBe(0);
  });
});

describe('a bad link', () => {
  it.each([
    ['expired', linkTo('org_1/a.png', -1), 403, 'invalid_media_link'],
    ['to another file', linkTo('org_1/a.png').replace('a.png', 'a.svg'), 403, 'invalid_media_link'],
    ['with a later end', linkTo('org_1/a.png').replace(/expires=\d/, 'expires=9'), 403, 'invalid_media_link'],
    ['without a query', '/v1/media/org_1/a.png', 403, 'invalid_media_link'],
    ['with two signatures', `${linkTo('org_1/a.png')}&signature=x`, 403, 'invalid_media_link'],
    ['to nothing', linkTo('org_1/gone.png'), 404, 'not_found'],
    ['that climbs', linkTo('../keys.json'), 403, 'invalid_media_link'],
    ['percent-encoded', linkTo('org_1/a.png').replace('org_1', '%6frg_1'), 404, 'unknown_url'],
  ])('%s', async (what, path, status, code) => {
    // Not fetch, which would tidy the path.
    const client = await RawClient.open(ingress.port);
    client.send(`GET ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${ingress.key}\r\n\r\n`);
    const answer = await client.answer();
    client.close();
    const { error } = JSON.parse(answer.body) as { error: { code: string } };
    expect([what, answer.status, error.code]).toEqual([what, status, code]);
    expect(open).toBe(0);
  });

  it('is all there is without a secret', async () => {
    const other = await startTestIngress();
    const answer = await fetch(other.url + linkTo('org_1/a.png'));
    expect([answer.status, await answer.json()]).toMatchObject([403, { error: { code: 'invalid_media_link' } }]);
    await other.stop();
  });
});
