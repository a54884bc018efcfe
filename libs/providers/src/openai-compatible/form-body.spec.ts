import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { formBody } from './form-body.js';

const song = randomBytes(200_000);
const mask = randomBytes(3);

const form = {
  fields: [
    { name: 'language', value: 'de' },
    { name: 'model', value: 'public/model' },
    { name: 'include[]', value: 'logprobs' },
    { name: 'include[]', value: 'zwei\r\nZeilen' },
  ],
  files: [
    { name: 'file', filename: 'ein "Lied"\r\n.mp3', contentType: 'audio/mpeg', bytes: song.length },
    { name: 'mask', filename: 'Maske ü.png', contentType: 'bad\r\ntype', bytes: mask.length },
  ],
};

/** Reads of an odd size, so that they end in the middle of files. */
function inPieces(bytes: Buffer, size = 7919): Readable {
  const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  );
  return Readable.from(pieces, { objectMode: false });
}

async function gather(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

describe('formBody', () => {
  it('is read by a form parser as the same fields and files, with the model replaced where it stood', async () => {
    const body = formBody(form, { model: 'whisper-1' });
    const bytes = await gather(body.open(inPieces(Buffer.concat([song, mask]))));
    expect(bytes.length).toBe(body.length);
    const parsed = await new Response(bytes, { headers: { 'content-type': body.contentType } }).formData();
    expect([...parsed.keys()]).toEqual(['language', 'model', 'include[]', 'include[]', 'file', 'mask']);
    expect(parsed.get('model')).toBe('whisper-1');
    expect(parsed.getAll('include[]')).toEqual(['logprobs', 'zwei\r\nZeilen']);
    const file = parsed.get('file') as File;
    expect(file.name).toBe('ein "Lied"\r\n.mp3');
    expect(file.type).toBe('audio/mpeg');
    expect(Buffer.from(await file.arrayBuffer()).equals(song)).toBe(true);
    const second = parsed.get('mask') as File;
    expect(second.type).toBe('application/octet-stream');
    expect(Buffer.from(await second.arrayBuffer()).equals(mask)).toBe(true);
  });

  it('adds a field that the caller left out, and leaves out one that is null', async () => {
    const body = formBody(form, { response_format: 'verbose_json', language: null });
    const bytes = await gather(body.open(inPieces(Buffer.concat([song, mask]))));
    expect(bytes.length).toBe(body.length);
    const parsed = await new Response(bytes, { headers: { 'content-type': body.contentType } }).formData();
    expect(parsed.get('response_format')).toBe('verbose_json');
    expect(parsed.has('language')).toBe(false);
  });

  it('fails when the files end early', async () => {
    const body = formBody(form, {});
    await expect(gather(body.open(inPieces(song)))).rejects.toThrow('ended early');
  });

  it('closes the files when it is destroyed while it waits for them', async () => {
    const files = new Readable({ read() {} });
    const body = formBody(form, {}).open(files);
    body.resume();
    await new Promise((resolve) => setTimeout(resolve, 10));
    body.destroy();
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(files.destroyed).toBe(true);
  });
});
