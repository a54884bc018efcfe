import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync, gzipSync } from 'node:zlib';
import type { FormFiles, GatewayError } from '#libs/contracts';
import { checkMask, inspect } from './file-inspection.js';
import { relayedName } from './file-name.js';
import {
  aac,
  flac,
  id3,
  jpeg,
  m4a,
  mp3,
  mp3OfChangingRate,
  opus,
  png,
  wav,
  webm,
  webp,
} from './testing/media-samples.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'modapi-spec-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function look(kind: FormFiles['kind'], content: Buffer, name = kind === 'audio' ? 'file' : 'image') {
  const path = join(folder, 'file');
  await writeFile(path, content);
  const rule = { min: 1, max: 1, maxBytes: 1e9, kind };
  return inspect({ name, filename: 'upload.bin', rule }, { path, bytes: content.length, digest: '' });
}

async function problemOf(work: Promise<unknown>): Promise<unknown> {
  const error = await work.then(
    () => undefined,
    (reason: GatewayError) => reason,
  );
  return error && { code: error.code, param: error.param };
}

describe('audio, by its content', () => {
  it.each([
    ['wav', wav(2.5), { contentType: 'audio/wav', filename: 'upload.wav', seconds: 3 }],
    ['mp3 without a tag', mp3(12), { contentType: 'audio/mpeg', filename: 'upload.mp3', seconds: 13 }],
    [
      'mp3 of changing rate',
      mp3OfChangingRate(100),
      { contentType: 'audio/mpeg', filename: 'upload.mp3', seconds: 101 },
    ],
    [
      'mp3 behind a tag with a picture, and rubbish at its end',
      Buffer.concat([id3(300_000), mp3(12), Buffer.from('TAG\xff\xff rubbish')]),
      { contentType: 'audio/mpeg', filename: 'upload.mp3', seconds: 13 },
    ],
    ['aac', aac(20), { contentType: 'audio/aac', filename: 'upload.aac', seconds: 21 }],
    ['flac', flac(61), { contentType: 'audio/flac', filename: 'upload.flac', seconds: 61 }],
    ['opus', opus(7), { contentType: 'audio/ogg', filename: 'upload.ogg', seconds: 7 }],
    ['m4a', m4a(90), { contentType: 'audio/mp4', filename: 'upload.m4a', seconds: 90 }],
    ['webm', webm(33), { contentType: 'audio/webm', filename: 'upload.webm', seconds: 33 }],
    ['a very short one', wav(0.01), { contentType: 'audio/wav', filename: 'upload.wav', seconds: 1 }],
  ])('%s', async (_name, content, expected) => {
    const { file, facts } = await look('audio', content);
    expect({ ...file, ...facts }).toEqual({ name: 'file', bytes: content.length, ...expected });
  });

  it.each([
    // 4 MB of samples at the format that the header names are two minutes at least; of a lossy codec they are one.
    ['flac', Buffer.concat([flac(1), Buffer.alloc(4_000_000)]), 20],
    ['m4a', m4a(1, 4_000_000), 60],
  ])('%s whose header tells less than its bytes play is held for those', async (_name, content, least) => {
    const { facts } = await look('audio', content);
    expect(facts).toEqual({ seconds: expect.any(Number) });
    expect(facts['seconds']).toBeGreaterThanOrEqual(least);
  });

  it('an hour with its index at the end, 25 MB, is measured within its time', async () => {
    const content = m4a(3_600, 25_000_000);
    const started = performance.now();
    expect((await look('audio', content)).facts).toEqual({ seconds: 3_600 });
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  it.each([
    ['MP3 of changing rate', mp3OfChangingRate(2_500), 2_501],
    ['AAC', aac(2_900), 2_901],
  ])('%s of 25 MB is counted frame by frame', async (_name, content, seconds) => {
    const started = performance.now();
    expect((await look('audio', content)).facts).toEqual({ seconds });
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  it('a container that tells no length has none', async () => {
    expect((await look('audio', webm(Number.NaN))).facts).toEqual({});
    expect((await look('audio', Buffer.from('fLaC and then nonsense'))).facts).toEqual({});
  });

  it.each([
    ['empty', Buffer.alloc(0)],
    ['text', Buffer.from('Dear Sir or Madam, this is no music at all.')],
    ['a zip', Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(200)])],
    ['a gzip bomb', gzipSync(Buffer.alloc(10_000_000))],
    ['an image', png(10, 10)],
    ['one byte', Buffer.from([0xff])],
  ])('not %s', async (_name, content) => {
    expect(await problemOf(look('audio', content))).toEqual({ code: 'invalid_file', param: 'file' });
  });

  it('damaged in any byte of its head it neither hangs nor breaks', async () => {
    let seed = 7;
    const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
    for (const sample of [wav(1), mp3(1), flac(9), opus(3), m4a(5), webm(4)]) {
      for (let round = 0; round < 60; round++) {
        const content = Buffer.from(sample);
        for (let change = 0; change < 4; change++) content[random(Math.min(content.length, 160))] = random(256);
        const started = performance.now();
        const problem = await problemOf(look('audio', content));
        expect([undefined, { code: 'invalid_file', param: 'file' }]).toContainEqual(problem);
        expect(performance.now() - started).toBeLessThan(1_000);
      }
    }
  });
});

describe('images, by their header', () => {
  it.each([
    ['png', png(64, 48), 'image/png', 'upload.png'],
    ['jpeg', jpeg(640, 480), 'image/jpeg', 'upload.jpg'],
    ['jpeg behind 700 KB of metadata', jpeg(640, 480, 700_000), 'image/jpeg', 'upload.jpg'],
    ['webp', webp(320, 200), 'image/webp', 'upload.webp'],
  ])('%s', async (_name, content, contentType, filename) => {
    const { file, facts } = await look('image', content, 'image[]');
    expect(file).toEqual({ name: 'image[]', bytes: content.length, contentType, filename });
    expect(facts.width).toBeGreaterThan(facts.height as number);
  });

  it.each([
    ['a PNG bomb of 100,000 × 100,000', png(100_000, 100_000)],
    ['60,001 a side', png(60_001, 1)],
    ['101 megapixels', png(10_100, 10_000)],
    ['no pixels', png(0, 10)],
    ['a JPEG without a size', Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 4, 0, 0])],
  ])('not %s', async (_name, content) => {
    expect(await problemOf(look('image', content))).toEqual({ code: 'invalid_image', param: 'image' });
  });

  it.each([
    ['SVG with a script', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>')],
    ['GIF', Buffer.from('GIF89a\x01\0\x01\0\0\0\0;', 'latin1')],
    ['compressed', deflateSync(Buffer.alloc(1_000))],
    ['audio', wav(1)],
  ])('not %s', async (_name, content) => {
    expect(await problemOf(look('image', content))).toEqual({ code: 'invalid_file', param: 'image' });
  });

  it('a mask is a PNG of the size of the first image', async () => {
    const image = await look('image', jpeg(64, 48), 'image[]');
    const other = await look('image', png(10, 10), 'image[]');
    const mask = (content: Buffer) => look('image', content, 'mask');
    const check = async (content: Buffer): Promise<void> => checkMask([image, other, await mask(content)]);
    expect(await problemOf(check(png(64, 48)))).toBeUndefined();
    expect(await problemOf(check(png(10, 10)))).toEqual({ code: 'invalid_image', param: 'mask' });
    expect(await problemOf(check(webp(64, 48)))).toEqual({ code: 'invalid_image', param: 'mask' });
  });
});

describe('row 83: file names', () => {
  it.each([
    ['../../etc/passwd', 'passwd.mp3'],
    ['C:\\windows\\x.mp3', 'x.mp3'],
    ['speech\0.mp3', 'speech.mp3'],
    ['\u202egpm.3pm', 'gpm.mp3'],
    ['song.MPGA', 'song.mpga'],
    ['photo.exe', 'photo.mp3'],
    ['..', 'file.mp3'],
    ['.mp3', 'file.mp3'],
    ['', 'file.mp3'],
    ['na\u00efve "quoted";x.mp3', 'na\u00efve _quoted_;x.mp3'],
    ['a\r\nX-Evil: 1.mp3', 'aX-Evil_ 1.mp3'],
    ['half \ud83d.mp3', 'half \ufffd.mp3'],
  ])('%j goes on as %j', (given, relayed) => {
    expect(relayedName(given, 'mp3', ['mp3', 'mpga'])).toBe(relayed);
  });

  it('4 KB of them are 200 bytes at most', () => {
    expect(Buffer.byteLength(relayedName('\u{1f600}'.repeat(1_024), 'mp3', ['mp3']))).toBeLessThanOrEqual(200);
  });
});
