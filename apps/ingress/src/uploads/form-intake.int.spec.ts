import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { RawClient } from '../testing/raw-http.js';
import type { UploadedForm } from '../inference/intake.js';
import { boundary, formBytes, formType, type TestPart } from './testing/form-bytes.js';
import { jpeg, mp3, png, wav } from './testing/media-samples.js';
import { startUploadServer, type UploadServer } from './testing/upload-server.js';

const mega = 1024 * 1024;
const model: TestPart = { name: 'model', body: 'whisper-1' };
const file: TestPart = { name: 'file', filename: 'a.wav', body: wav(2) };
const transcriptions = '/v1/audio/transcriptions';
const edits = '/v1/images/edits';

let server: UploadServer;
beforeAll(async () => {
  server = await startUploadServer();
});
afterAll(() => server.stop());
afterEach(async () => {
  server.use = () => ({});
  await nothingLeft(server);
  expect(server.failures).toEqual([]);
});

const openFiles = (): number => readdirSync('/proc/self/fd').length;

async function nothingLeft(of: UploadServer): Promise<void> {
  const deadline = Date.now() + 5_000;
  while ((of.files().length > 0 || of.intake.space.takenBytes > 0) && Date.now() < deadline) await sleep(5);
  expect([of.files(), of.intake.space.takenBytes]).toEqual([[], 0]);
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly json: Record<string, unknown> & { form?: UploadedForm['form']; error?: { code: string; param: string } };
}

async function post(path: string, body: Buffer, headers: Record<string, string> = {}, to = server): Promise<Answer> {
  const response = await fetch(to.url + path, {
    method: 'POST',
    headers: { 'content-type': formType, ...headers },
    body,
  });
  return { status: response.status, headers: response.headers, json: (await response.json()) as Answer['json'] };
}

async function readAll({ body }: UploadedForm, pieceBytes: number): Promise<string> {
  const sum = createHash('sha256');
  for (let position = 0; position < body.length;) {
    const piece = await body.read(position, pieceBytes);
    sum.update(piece);
    position += piece.length;
  }
  return sum.digest('hex');
}

describe('a good form', () => {
  it('file first, model last: fields, file, its length and its bytes, which may be read twice', async () => {
    server.use = async (form) => {
      expect(server.files()).toEqual([expect.stringMatching(/^[0-9a-f]{36}$/)]);
      return { read: [await readAll(form, 1_000), await readAll(form, 64 * 1024)] };
    };
    const { status, json } = await post(
      transcriptions,
      formBytes([file, { name: 'prompt', body: 'Žluťoučký' }, model]),
    );
    const due = createHash('sha256').update(wav(2)).digest('hex');
    expect({ status, ...json }).toMatchObject({
      status: 200,
      form: {
        fields: [
          { name: 'prompt', value: 'Žluťoučký' },
          { name: 'model', value: 'whisper-1' },
        ],
        files: [{ name: 'file', filename: 'a.wav', contentType: 'audio/wav', bytes: wav(2).length }],
      },
      fileFacts: [{ seconds: 2 }],
      read: [due, due],
    });
  });

  it('both spellings of arrays, files back to back', async () => {
    const images = [png(8, 8), jpeg(9, 9), png(10, 10)];
    const names = ['image', 'image[]', 'image[]'];
    server.use = async (form) => ({ read: await readAll(form, 100) });
    const parts = images.map((body, index) => ({ name: names[index] as string, filename: 'x', body }));
    const { json } = await post(edits, formBytes([...parts, { name: 'a[b]', body: '1' }, model]));
    expect(json.error).toBeUndefined();
    expect(json.form?.files.map(({ name }) => name)).toEqual(names);
    expect(json['read']).toBe(createHash('sha256').update(Buffer.concat(images)).digest('hex'));
  });

  it('its fingerprint knows neither boundary nor file names, but every byte', async () => {
    const print = async (...args: Parameters<typeof post>): Promise<unknown> =>
      (await post(...args)).json['fingerprint'];
    const first = await print(transcriptions, formBytes([file, model]));
    const other = Buffer.from(
      formBytes([model, { ...file, filename: 'b.wav' }])
        .toString('latin1')
        .replaceAll(boundary, 'zz'),
      'latin1',
    );
    expect(await print(transcriptions, other, { 'content-type': 'multipart/form-data; boundary="zz"' })).toBe(first);
    expect(await print(transcriptions, formBytes([{ ...file, body: wav(3) }, model]))).not.toBe(first);
    expect(await print(transcriptions, formBytes([file, { ...model, body: 'whisper-2' }]))).not.toBe(first);
  });

  it('in single bytes, with preamble and epilogue', async () => {
    const client = await RawClient.open(server.port);
    client.socket.setNoDelay(true);
    const body = Buffer.concat([
      Buffer.from('hello\r\n'),
      formBytes([model, { ...file, body: wav(0.01) }]),
      Buffer.from('bye'),
    ]);
    client.send(
      `POST ${transcriptions} HTTP/1.1\r\nHost: a\r\nContent-Type: ${formType}\r\nContent-Length: ${body.length}\r\n\r\n`,
    );
    for (const byte of body) {
      client.send(Buffer.from([byte]));
      await new Promise(setImmediate);
    }
    await client.until((text) => text.includes('fingerprint'));
    client.close();
  });

  it('of 25 MB, 8 at once, each measured', async () => {
    const body = formBytes([model, { ...file, body: mp3(1_600).subarray(0, 25 * mega) }]);
    const answers = await Promise.all(Array.from({ length: 8 }, () => post(transcriptions, body)));
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(200));
    expect(answers.map(({ json }) => json['fileFacts'])).toEqual(Array(8).fill([{ seconds: 1_600 }]));
  }, 30_000);
});

describe('16 images of 20 MB, twice at once', () => {
  it('are received while the process grows by far less than one of them all', async () => {
    const image = png(64, 64, 20 * mega);
    const head = Buffer.from(
      `--${boundary}\r\ncontent-disposition: form-data; name="image[]"; filename="a.png"\r\n\r\n`,
    );
    const last = Buffer.from(`\r\n--${boundary}--\r\n`);
    const between = Buffer.concat([Buffer.from('\r\n'), head]);
    const pieces = [head, ...Array.from({ length: 15 }, () => [image, between]).flat(), image, last];
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const before = process.memoryUsage().rss;
    let peak = before;
    const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 20);
    const send = async (): Promise<string> => {
      const client = await RawClient.open(server.port);
      client.send(
        `POST ${edits} HTTP/1.1\r\nHost: a\r\nContent-Type: ${formType}\r\nContent-Length: ${length}\r\n\r\n`,
      );
      for (const piece of pieces) {
        if (!client.socket.write(piece)) await once(client.socket, 'drain');
      }
      const text = await client.until((got) => got.includes('fingerprint') || got.includes('error'));
      client.close();
      return text;
    };
    const texts = await Promise.all([send(), send()]);
    clearInterval(watch);
    for (const text of texts) expect(text.match(/"bytes":20971520/g)).toHaveLength(16);
    expect((peak - before) / mega).toBeLessThan(150);
  }, 60_000);
});

describe('temporary space', () => {
  it('of one organization is bounded, and others have theirs', async () => {
    const small = await startUploadServer({ space: { organizationBytes: 30_000 } });
    let finish = (): void => undefined;
    small.use = () => new Promise((resolve) => (finish = () => resolve({})));
    const body = formBytes([model, file]);
    const first = post(transcriptions, body, {}, small);
    while (small.files().length === 0 || small.intake.space.takenBytes < 16_000) await sleep(5);
    const refused = await post(transcriptions, body, {}, small);
    expect({ status: refused.status, ...refused.json }).toMatchObject({
      status: 429,
      error: { code: 'upload_space_exhausted' },
    });
    expect(refused.headers.get('retry-after')).toBe('5');
    const blocked = finish;
    const other = post(transcriptions, body, { 'x-organization': 'org_2' }, small);
    while (finish === blocked) await sleep(5);
    finish();
    blocked();
    expect([(await first).status, (await other).status]).toEqual([200, 200]);
    await nothingLeft(small);
    await small.stop();
  });

  it.each([{ processBytes: 10_000 }, { spareBytes: Number.MAX_SAFE_INTEGER }, { organizationForms: 0 }])(
    'has other ends: %j',
    async (space) => {
      const small = await startUploadServer({ space });
      expect((await post(transcriptions, formBytes([model, file]), {}, small)).status).toBe(429);
      await nothingLeft(small);
      await small.stop();
    },
  );
});

describe('row 81: a form that breaks off', () => {
  const body = formBytes([model, { ...file, body: wav(60) }]);
  const head = `POST ${transcriptions} HTTP/1.1\r\nHost: a\r\nContent-Type: ${formType}\r\nContent-Length: ${body.length}\r\n\r\n`;

  it('at 50 %, 200 times: no file, no descriptor, no memory stays', async () => {
    await post(transcriptions, body);
    const before = openFiles();
    for (let round = 0; round < 20; round++) {
      const clients = await Promise.all(Array.from({ length: 10 }, () => RawClient.open(server.port)));
      for (const client of clients) {
        client.send(head);
        client.send(body.subarray(0, body.length / 2));
      }
      while (server.files().length < 10) await sleep(2);
      for (const [index, client] of clients.entries()) {
        if (index % 2 === 0) client.socket.resetAndDestroy();
        else client.close();
      }
      await nothingLeft(server);
    }
    for (let wait = 0; openFiles() > before && wait < 100; wait++) await sleep(10);
    expect(openFiles()).toBeLessThanOrEqual(before);
  }, 30_000);

  it('or trickles, though never silent: 408', async () => {
    const pace = { windowMs: 200, bytesPerSecond: 4096 };
    const impatient = await startUploadServer({ pace });
    const [slow, steady] = await Promise.all([RawClient.open(impatient.port), RawClient.open(impatient.port)]);
    for (const client of [slow, steady]) client.send(head);
    const began = performance.now();
    let at = 0;
    const drip = setInterval(() => {
      slow.send(body.subarray(at, at + 10));
      steady.send(body.subarray(at * 100, at * 100 + 1_000));
      at += 10;
    }, 20);
    expect(await slow.answer()).toMatchObject({ status: 408 });
    // Not in the first window.
    expect(performance.now() - began).toBeGreaterThan(350);
    await sleep(300);
    expect(steady.take()).toBe('');
    clearInterval(drip);
    slow.close();
    steady.close();
    await nothingLeft(impatient);
    await impatient.stop();
  });

  it('or falls silent: 408', async () => {
    const impatient = await startUploadServer({ pace: { idleMs: 100 } });
    const client = await RawClient.open(impatient.port);
    client.send(head);
    client.send(body.subarray(0, 5_000));
    expect(await client.answer()).toMatchObject({ status: 408 });
    client.close();
    await nothingLeft(impatient);
    await impatient.stop();
  });

  it('while its answer is awaited', async () => {
    let reading: Promise<unknown> = Promise.resolve();
    const before = openFiles();
    server.use = (form) => {
      reading = readAll(form, 10).catch((error: Error) => error.message);
      return new Promise(() => undefined);
    };
    const client = await RawClient.open(server.port);
    client.send(head);
    client.send(body);
    while (server.files().length === 0) await sleep(2);
    await sleep(50);
    client.socket.resetAndDestroy();
    await nothingLeft(server);
    expect(await reading).toMatch(/over|ENOENT|closed/);
    expect(openFiles()).toBeLessThanOrEqual(before + 1);
  });
});

describe('a form in HTTP chunks of one byte', () => {
  const body = formBytes([model, { name: 'prompt', body: 'p'.repeat(1_000) }, { ...file, body: wav(12) }]);
  const head = `POST ${transcriptions} HTTP/1.1\r\nHost: a\r\nContent-Type: ${formType}\r\nTransfer-Encoding: chunked\r\n\r\n`;
  const chunks = Buffer.concat(
    [...body].map((byte) => Buffer.from([0x31, 0x0d, 0x0a, byte, 0x0d, 0x0a])).concat(Buffer.from('0\r\n\r\n')),
  );

  it('is read as any other, in few steps', async () => {
    const due = await post(transcriptions, body);
    const client = await RawClient.open(server.port);
    const before = performance.eventLoopUtilization();
    client.send(head);
    client.send(chunks);
    const text = await client.until((received) => received.endsWith('\r\n0\r\n\r\n'));
    expect(text).toContain(JSON.stringify(due.json));
    // A turn, a parse and a write for each of the bytes took seconds.
    expect(performance.eventLoopUtilization(before).active).toBeLessThan(1_000);
    client.close();
  });

  it('leaves nothing when its sender leaves in the middle', async () => {
    const clients = await Promise.all(Array.from({ length: 4 }, () => RawClient.open(server.port)));
    for (const client of clients) {
      client.send(head);
      client.send(chunks.subarray(0, chunks.length - 6_000));
    }
    while (server.files().length < 4) await sleep(2);
    for (const client of clients) client.socket.resetAndDestroy();
    const began = performance.now();
    await nothingLeft(server);
    expect(performance.now() - began).toBeLessThan(1_000);
  });
});

describe('anything else', () => {
  it('2,000 mutations of a good form: an answer each, never a 500, never a file left', async () => {
    let seed = 20_261_122;
    const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
    const good = formBytes([
      file,
      { name: 'image[]', filename: 'x.png', body: png(8, 8) },
      model,
      { name: 'n', body: '2' },
    ]);
    const small = formBytes([{ ...file, body: wav(0.02) }, model, { name: 'temperature', body: '0' }]);
    const statuses = new Map<number, number>();
    const one = async (): Promise<void> => {
      const mutant = mutated(random(2) === 0 ? good : small, random);
      const type = random(20) === 0 ? formType.slice(0, random(formType.length)) : formType;
      const { status } = await post(random(2) === 0 ? transcriptions : edits, mutant, { 'content-type': type });
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    };
    for (let round = 0; round < 125; round++) await Promise.all(Array.from({ length: 16 }, one));
    expect([...statuses.keys()].filter((status) => ![200, 400, 413, 415].includes(status))).toEqual([]);
    expect(statuses.get(200)).toBeGreaterThan(10);
    expect(statuses.get(400)).toBeGreaterThan(1_000);
  }, 60_000);
});

function mutated(good: Buffer, random: (below: number) => number): Buffer {
  let body = Buffer.from(good);
  for (let change = random(4); change >= 0; change--) {
    // Most of a form is the bytes of its files: what is worth changing lies around them.
    const at = random(3) === 0 ? random(body.length) : random(Math.min(300, body.length));
    const kind = random(5);
    if (kind === 0) body[at] = random(256);
    else if (kind === 1) body = body.subarray(0, body.length - random(200));
    else if (kind === 2) body = Buffer.concat([body.subarray(0, at), body.subarray(at + random(40))]);
    else if (kind === 3) body = Buffer.concat([body.subarray(0, at), Buffer.from('\r\n'), body.subarray(at)]);
    else body = Buffer.concat([body.subarray(0, at), body.subarray(random(at + 1), at), body.subarray(at)]);
  }
  return body;
}
