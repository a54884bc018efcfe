import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type BigForm, type FormFile, sendForm, SwallowingUpstream } from '../support/big-form.js';
import { descendants, type GatewayProcess, startGateway } from '../support/gateway-process.js';
import { noisePng } from '../support/media-files.js';
import { MemoryWatch, openHandles } from '../support/process-watch.js';

const megabyte = 1024 * 1024;
const atOnce = 8;
/** What eight uploads of 320 MB may add to the memory of the gateway: 16 to 50 were seen, and the tests print theirs. */
const growthMegabytes = 200;

/** The gateway's own connections come and go; a leak would be one for each of sixteen callers. */
const spareHandles = 4;

let folder: string;
let uploadDir: string;
let upstream: SwallowingUpstream;
let gateway: GatewayProcess;
let image: Buffer;
let audio: Buffer;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'modapi-large-'));
  uploadDir = join(folder, 'uploads');
  upstream = new SwallowingUpstream();
  const config = {
    apiVersion: 'modapi/v1',
    providers: { swallow: { preset: 'openai-compatible', baseUrl: await upstream.listen() } },
    models: [
      {
        id: 'big/image',
        endpoints: ['images.edits'],
        deployments: [{ provider: 'swallow', model: 'image', free: true }],
      },
      {
        id: 'big/audio',
        endpoints: ['audio.transcriptions'],
        deployments: [{ provider: 'swallow', model: 'audio', free: true }],
      },
    ],
  };
  writeFileSync(join(folder, 'modapi.yaml'), JSON.stringify(config));
  const env = { MODAPI_CONFIG_FILE: join(folder, 'modapi.yaml'), MODAPI_UPLOAD_DIR: uploadDir };
  [gateway, image] = await Promise.all([startGateway({ env }), noisePng(20 * megabyte)]);
  audio = wavOf(25_900_000);
}, 180_000);

afterAll(async () => {
  await gateway?.stop();
  upstream?.close();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

/** Noise of so many bytes; within the 25 MiB that a transcription may have. */
function wavOf(bytes: number): Buffer {
  const file = Buffer.alloc(bytes);
  for (let at = 44; at < bytes; at += 7) file[at] = at % 251;
  file.write('RIFF', 0);
  file.writeUInt32LE(bytes - 8, 4);
  file.write('WAVEfmt ', 8);
  for (const [offset, value] of [
    [16, 16],
    [24, 24_000],
    [28, 48_000],
  ] as const)
    file.writeUInt32LE(value, offset);
  for (const [offset, value] of [
    [20, 1],
    [22, 1],
    [32, 2],
    [34, 16],
  ] as const)
    file.writeUInt16LE(value, offset);
  file.write('data', 36);
  file.writeUInt32LE(bytes - 44, 40);
  return file;
}

const png = (index: number): FormFile => ({
  name: 'image[]',
  filename: `${index}.png`,
  contentType: 'image/png',
  bytes: image,
});
const edit = (images: number, stopAt = 1): [string, BigForm] => [
  'images/edits',
  {
    fields: { model: 'big/image', prompt: 'Less noise' },
    files: Array.from({ length: images }, (_, at) => png(at)),
    stopAt,
  },
];
const heard = (stopAt = 1): [string, BigForm] => {
  const file = { name: 'file', filename: 'noise.wav', contentType: 'audio/wav', bytes: audio };
  return ['audio/transcriptions', { fields: { model: 'big/audio' }, files: [file], stopAt }];
};
const send = ([path, form]: [string, BigForm]) => sendForm(`${gateway.baseUrl}/${path}`, gateway.apiKey, form);
/** Without an answer until `patience` has come. */
const left = ([path, form]: [string, BigForm], patience: Promise<void>): [string, BigForm] => [
  path,
  { ...form, patience },
];
const sendAll = (make: () => [string, BigForm]) => Promise.all(Array.from({ length: atOnce }, () => send(make())));

const nodes = () =>
  [{ pid: gateway.child.pid ?? 0, command: '' }, ...descendants(gateway.child.pid ?? 0)]
    .filter(({ command }) => !command.includes('postgres'))
    .map(({ pid }) => pid);

/** Bytes and files of uploads in flight. */
function spooled(): string[] {
  if (!existsSync(uploadDir)) return [];
  return readdirSync(uploadDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);
}

async function until(holds: () => boolean, what: () => unknown): Promise<void> {
  const deadline = performance.now() + 15_000;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`not within 15 s: ${JSON.stringify(what())}`);
    await delay(50);
  }
}

describe('large uploads', () => {
  it('reach the provider byte by byte', async () => {
    expect(image.length).toBeGreaterThan(20 * megabyte);
    upstream.keeps = true;
    const answers = [await send(edit(2)), await send(heard())];
    upstream.keeps = false;
    expect(answers).toEqual([expect.objectContaining({ status: 200 }), expect.objectContaining({ status: 200 })]);
    const [edited, transcribed] = upstream.calls.splice(0).map(({ kept }) => Buffer.concat(kept));
    const first = edited!.indexOf(image);
    expect(first).toBeGreaterThan(0);
    expect(edited!.indexOf(image, first + image.length)).toBeGreaterThan(first);
    expect(transcribed!.indexOf(audio)).toBeGreaterThan(0);
  }, 60_000);

  it.each([
    ['edits of 16 images of 20 MB', () => edit(16), 16 * 20 * megabyte],
    ['transcriptions of 25 MB', () => heard(), 25_900_000],
  ])(
    'of eight callers at once take little memory: %s',
    async (what, make, bytes) => {
      const watch = new MemoryWatch(nodes());
      const started = performance.now();
      const answers = await sendAll(make);
      const figures = { ...watch.stop(), seconds: Math.round((performance.now() - started) / 100) / 10 };
      console.log(`${atOnce} × ${what}, megabytes of the gateway: ${JSON.stringify(figures)}`);
      const received = upstream.calls.splice(0).map((call) => call.bytes);
      expect(answers).toEqual(Array.from(answers, () => expect.objectContaining({ status: 200 })));
      expect(received).toHaveLength(atOnce);
      for (const arrived of received) expect(arrived).toBeGreaterThan(bytes);
      await until(() => spooled().length === 0, spooled);
      expect(figures.growth).toBeLessThan(growthMegabytes);
    },
    120_000,
  );

  it('leave nothing behind when their callers hang up half-way', async () => {
    const pids = nodes();
    const handles = () => pids.flatMap((pid) => openHandles(pid));
    const before = handles().length;
    let most = 0;
    const timer = setInterval(() => (most = Math.max(most, spooled().length)), 20);
    const results = [...(await sendAll(() => edit(16, 0.5))), ...(await sendAll(() => heard(0.5)))];
    clearInterval(timer);
    expect(results).toEqual(Array.from({ length: 2 * atOnce }, () => 'hung up'));
    expect(upstream.calls).toHaveLength(0);
    // They were there.
    expect(most).toBeGreaterThan(0);
    await until(() => spooled().length === 0, spooled);
    await until(
      () => handles().length <= before + spareHandles,
      () => ({ before, now: handles().toSorted() }),
    );
    console.log(
      `${2 * atOnce} aborts: ${most} files at most, none after; ${handles().length} handles, ${before} before`,
    );

    // Later: all is uploaded, and the provider has it and is silent.
    upstream.isSilent = true;
    const patience = until(
      () => upstream.calls.filter(({ bytes }) => bytes > audio.length).length === atOnce,
      () => upstream.calls.map(({ bytes }) => bytes),
    );
    expect(await sendAll(() => left(heard(), patience))).toEqual(Array.from({ length: atOnce }, () => 'hung up'));
    upstream.isSilent = false;
    await until(() => spooled().length === 0, spooled);
    await until(
      () => handles().length <= before + spareHandles,
      () => ({ before, now: handles().toSorted() }),
    );
    expect(await send(heard())).toMatchObject({ status: 200 });
  }, 60_000);
});
