import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HttpCase } from '../testing/http-case.js';
import { RawClient } from '../testing/raw-http.js';
import { startTestIngress, type TestIngress } from '../testing/test-ingress.js';
import { formBytes, formType } from './testing/form-bytes.js';
import { png, wav } from './testing/media-samples.js';
import { draws, hears, spoken, uploadCases } from './testing/upload-cases.js';

const parent = mkdtempSync(join(tmpdir(), 'modapi-spec-'));
const transcriptions = '/v1/audio/transcriptions';
let ingress: TestIngress;
let before: number;

beforeAll(async () => {
  // What a JSON body may have is no limit for a form.
  ingress = await startTestIngress({ limits: { bodyBytes: 10_000 }, env: { MODAPI_UPLOAD_DIR: parent } });
});
afterAll(async () => {
  await ingress.stop();
  expect(readdirSync(parent)).toEqual([]);
  rmSync(parent, { recursive: true });
});
beforeEach(() => {
  ingress.bus.calls.length = 0;
  ingress.bus.play = (call) => call.answer({ text: 'hello' });
  before = ingress.log.filter(({ level }) => level === 'error').length;
});
afterEach(async () => {
  for (let wait = 0; spooled().length > 0 && wait < 500; wait++) await sleep(10);
  expect(spooled()).toEqual([]);
  expect(ingress.log.filter(({ level }) => level === 'error').slice(before)).toEqual([]);
});

const spooled = (): string[] => readdirSync(parent, { recursive: true, encoding: 'utf8' }).slice(1);

function post(path: string, body: Buffer, headers: Record<string, string | undefined> = {}): Promise<Response> {
  const usual = { authorization: `Bearer ${ingress.key}`, 'content-type': formType, ...headers };
  const given = Object.fromEntries(
    Object.entries(usual).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  return fetch(ingress.url + path, { method: 'POST', headers: given, body });
}

function bytesOf(body: HttpCase['body']): Buffer {
  if (Buffer.isBuffer(body)) return body;
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
}

describe('a bad form', () => {
  it.each(uploadCases.map((one) => [one.row, one.what, one] as const))('row %i, %s', async (_row, _what, one) => {
    const answer = await post(one.path ?? transcriptions, bytesOf(one.body), one.headers as Record<string, string>);
    expect({ status: answer.status, json: await answer.json() }).toEqual({
      status: one.status,
      json: {
        error: {
          message: expect.stringMatching(/\S/),
          type: 'invalid_request_error',
          param: one.param ?? null,
          code: one.code,
        },
      },
    });
    expect(answer.headers.get('x-request-id')).toMatch(/^req_/);
    expect(ingress.bus.calls).toHaveLength(0);
  });

  it('leaves the connection usable where it was read to its end', async () => {
    const client = await RawClient.open(ingress.port);
    const body = formBytes([{ ...spoken, body: 'no music' }, hears]);
    const head = `POST ${transcriptions} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${ingress.key}\r\nContent-Type: ${formType}\r\n`;
    for (let round = 0; round < 3; round++) {
      client.send(`${head}Content-Length: ${body.length}\r\n\r\n`);
      client.send(body);
      expect(await client.answer()).toMatchObject({ status: 400 });
    }
    client.close();
  });

  it('refused in its middle, its rest does not block the next request', async () => {
    const client = await RawClient.open(ingress.port);
    const body = formBytes([{ name: '', body: 'x' }, spoken, hears]);
    const head = `POST ${transcriptions} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${ingress.key}\r\nContent-Type: ${formType}\r\nContent-Length: ${body.length}\r\n\r\n`;
    client.send(head);
    client.send(body.subarray(0, 300));
    expect(await client.answer()).toMatchObject({ status: 400 });
    client.send(body.subarray(300));
    client.send(`GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n`);
    expect(await client.answer()).toMatchObject({ status: 200 });
    client.close();
  });
});

describe('before a byte of the body', () => {
  const head = (more: string): string =>
    `POST ${transcriptions} HTTP/1.1\r\nHost: a\r\nContent-Type: ${formType}\r\n${more}\r\n\r\n`;

  it('the key is asked for', async () => {
    const client = await RawClient.open(ingress.port);
    client.send(head('Content-Length: 20000000'));
    expect(await client.answer()).toMatchObject({ status: 401 });
    client.close();
  });

  it('who waits for 100 is told to go on, unless the form is refused by its length', async () => {
    const body = formBytes([spoken, hears]);
    const expecting = `Authorization: Bearer ${ingress.key}\r\nExpect: 100-continue\r\nContent-Length: `;
    const client = await RawClient.open(ingress.port);
    client.send(head(`${expecting}${body.length}`));
    expect(await client.answer()).toMatchObject({ status: 100 });
    client.send(body);
    expect(await client.answer()).toMatchObject({ status: 200 });
    client.send(head(`${expecting}200000000`));
    expect(await client.answer()).toMatchObject({ status: 413 });
    client.close();
  });
});

describe('a good form', () => {
  it('row 83: goes on with its names cleaned, its facts, and its files as the body', async () => {
    const names = ['../../etc/passwd', 'C:\\x', 'a\0b', 'x'.repeat(4_096), '\u202e3pm.exe'];
    for (const filename of names) {
      const answer = await post(transcriptions, formBytes([{ ...spoken, filename }, hears]));
      expect([filename, answer.status, await answer.json()]).toEqual([filename, 200, { text: 'hello' }]);
    }
    const relayed = ingress.bus.calls.map(({ request }) => {
      const { form } = request.head as { form: { files: { filename: string; contentType: string; bytes: number }[] } };
      return form.files[0];
    });
    expect(relayed.map((file) => file?.filename)).toEqual([
      'passwd.wav',
      'x.wav',
      'ab.wav',
      `${'x'.repeat(192)}.wav`,
      '3pm.wav',
    ]);
    const { head, body } = ingress.bus.calls[0]!.request;
    expect(head).toMatchObject({ model: 'hear', facts: { seconds: 2 } });
    expect(body).toMatchObject({ length: wav(2).length });
  });

  it('is larger than any JSON, and comes in any order and spelling', async () => {
    const images = [png(9, 9, 3_000_000), png(10, 10)].map((body, index) => ({
      name: index === 0 ? 'image' : 'image[]',
      filename: 'a',
      body,
    }));
    const answer = await post('/v1/images/edits', formBytes([...images, { name: 'prompt', body: 'a cat' }, draws]));
    expect([answer.status, await answer.json()]).toEqual([200, { text: 'hello' }]);
    expect(ingress.bus.calls).toHaveLength(1);
  });

  it('is there until the caller left, and gone then', async () => {
    ingress.bus.play = () => undefined;
    const body = formBytes([spoken, hears]);
    const client = await RawClient.open(ingress.port);
    client.send(
      `POST ${transcriptions} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${ingress.key}\r\nContent-Type: ${formType}\r\nContent-Length: ${body.length}\r\n\r\n`,
    );
    client.send(body);
    while (ingress.bus.calls.length === 0) await sleep(5);
    expect(spooled()).toHaveLength(1);
    client.socket.resetAndDestroy();
    while (ingress.bus.calls[0]?.cancelled !== 'client_closed') await sleep(5);
  });
});
