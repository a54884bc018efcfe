import type { HttpCase } from '../../testing/http-case.js';
import { boundary, formBytes, formType, type TestPart } from './form-bytes.js';
import { jpeg, png, wav } from './media-samples.js';

const transcriptions = '/v1/audio/transcriptions';
const edits = '/v1/images/edits';
const mega = 1024 * 1024;

export const hears: TestPart = { name: 'model', body: 'hear' };
export const draws: TestPart = { name: 'model', body: 'draw' };
export const spoken: TestPart = { name: 'file', filename: 'a.wav', body: wav(2) };
const prompt: TestPart = { name: 'prompt', body: 'a cat' };
const good = formBytes([spoken, hears]);

const image = (name: string, body: Buffer): TestPart => ({ name, filename: 'a.png', body });
const fields = (count: number): TestPart[] =>
  Array.from({ length: count }, (_, index) => ({ name: `field_${index}`, body: 'x' }));

type Bad = Pick<HttpCase, 'row' | 'what' | 'body'> & Partial<HttpCase>;

const malformed = (bad: Bad): HttpCase => ({
  path: transcriptions,
  headers: { 'content-type': formType },
  status: 400,
  code: 'invalid_multipart',
  ...bad,
});
const typed = (what: string, type: string): HttpCase =>
  malformed({ row: 79, what, body: good, headers: { 'content-type': type } });
const part = (what: string, ...parts: TestPart[]): HttpCase =>
  malformed({ row: 82, what, body: formBytes([...parts, spoken, hears]) });
const file = (row: number, what: string, body: Buffer, more: Partial<HttpCase> = {}): HttpCase =>
  malformed({ row, what, body, code: 'invalid_file', param: 'file', ...more });
const drawn = (what: string, parts: TestPart[], more: Partial<HttpCase> = {}): HttpCase =>
  malformed({ row: 84, what, body: formBytes([prompt, ...parts, draws]), path: edits, code: 'invalid_image', ...more });

/** Rows 79 to 85 of docs/bad-inputs.md. */
export const uploadCases: readonly HttpCase[] = [
  typed('no boundary', 'multipart/form-data'),
  typed('an empty boundary', 'multipart/form-data; boundary='),
  typed('a boundary of 71 characters', `multipart/form-data; boundary=${'b'.repeat(71)}`),
  typed('two boundaries', `${formType}; boundary=other`),
  typed('a boundary with a letter that none has', 'multipart/form-data; boundary="a*b"'),
  typed('another boundary', 'multipart/form-data; boundary=other'),
  typed('a malformed type', 'multipart/form-data; boundary="open'),
  malformed({
    row: 79,
    what: 'JSON where a form is wanted',
    body: { model: 'hear' },
    headers: { 'content-type': 'application/json' },
    status: 415,
    code: 'unsupported_media_type',
  }),
  malformed({
    row: 79,
    what: 'another multipart',
    body: good,
    headers: { 'content-type': `multipart/mixed; boundary=${boundary}` },
    status: 415,
    code: 'unsupported_media_type',
  }),
  malformed({
    row: 79,
    what: 'a form where JSON is wanted',
    body: good,
    path: '/v1/audio/speech',
    status: 415,
    code: 'unsupported_media_type',
  }),
  malformed({
    row: 79,
    what: 'a gzipped form',
    body: good,
    headers: { 'content-type': formType, 'content-encoding': 'gzip' },
    status: 415,
    code: 'unsupported_encoding',
  }),
  malformed({ row: 80, what: 'nothing', body: '' }),
  malformed({ row: 80, what: 'cut off in a file', body: good.subarray(0, 2_000) }),
  malformed({ row: 80, what: 'cut off in a head', body: good.subarray(0, boundary.length + 20) }),
  malformed({ row: 80, what: 'no last boundary', body: formBytes([spoken, hears], '') }),
  malformed({ row: 80, what: 'a boundary, but not the last', body: formBytes([spoken, hears], `--${boundary}\r\n`) }),
  malformed({ row: 80, what: '100 KB without any boundary', body: Buffer.alloc(100_000, 0x20) }),
  malformed({ row: 82, what: '10,000 parts', body: formBytes(fields(10_000)) }),
  malformed({ row: 82, what: '1,000 fields beside a file', body: formBytes([spoken, hears, ...fields(1_000)]) }),
  part('an empty name', { name: '', body: 'x' }),
  part('no name', { head: 'Content-Disposition: form-data', body: 'x' }),
  part('two names', { head: 'Content-Disposition: form-data; name="a"; name="b"', body: 'x' }),
  part('a name of 10 KB', { name: 'n'.repeat(10_000), body: 'x' }),
  part('a name of 101 bytes', { name: 'n'.repeat(101), body: 'x' }),
  part('a[b][c] … × 500', { name: `a${'[b]'.repeat(500)}`, body: 'x' }),
  part('a[b][c]', { name: 'a[b][c]', body: 'x' }),
  part('a bracket that does not close', { name: 'a[b', body: 'x' }),
  part('a name with a tab', { name: 'a\tb', body: 'x' }),
  part('__proto__', { name: '__proto__[x]', body: 'x' }),
  part('constructor', { name: 'a[constructor]', body: 'x' }),
  part('no head', { head: '', body: 'x' }),
  part('a head that is none', { head: 'what is this', body: 'x' }),
  part('a head of 1 MB', { head: `X: ${'x'.repeat(mega)}\r\nContent-Disposition: form-data; name="a"`, body: 'x' }),
  part('a head of 1,000 lines', { head: `${'X: y\r\n'.repeat(1_000)}Content-Disposition: form-data; name="a"` }),
  part('another disposition', { head: 'Content-Disposition: attachment; name="a"', body: 'x' }),
  part('base64', {
    head: 'Content-Disposition: form-data; name="a"\r\nContent-Transfer-Encoding: base64',
    body: 'eA==',
  }),
  part('no UTF-8', { name: 'prompt', body: Buffer.from([0xc3, 0x28]) }),
  malformed({
    row: 82,
    what: 'a field of 129 KB',
    body: formBytes([spoken, hears, { name: 'prompt', body: 'x'.repeat(132_000) }]),
    code: 'invalid_value',
    param: 'prompt',
  }),
  malformed({
    row: 82,
    what: 'fields of 600 KB together',
    body: formBytes([
      spoken,
      hears,
      ...fields(6).map(({ name }) => ({ name: name as string, body: 'x'.repeat(100_000) })),
    ]),
    status: 413,
    code: 'request_too_large',
  }),
  file(84, 'an empty file', formBytes([{ ...spoken, body: '' }, hears])),
  file(
    84,
    'text by the name of music',
    formBytes([{ ...spoken, filename: 'a.mp3', body: 'la la la'.repeat(99) }, hears]),
  ),
  file(84, 'a zip by the name of music', formBytes([{ ...spoken, body: Buffer.from('PK\x03\x04 and so on') }, hears])),
  file(84, 'an image', formBytes([{ ...spoken, body: png(9, 9) }, hears])),
  file(
    84,
    '26 MB',
    formBytes([{ ...spoken, body: Buffer.concat([wav(1), Buffer.alloc(26 * mega - 20_000)]) }, hears]),
    {
      status: 413,
      code: 'file_too_large',
    },
  ),
  file(84, '30 MB by its own account', Buffer.alloc(30 * mega), { status: 413, code: 'file_too_large' }),
  drawn('a PNG of 100,000 × 100,000', [image('image', png(100_000, 100_000))], { param: 'image' }),
  drawn('a GIF', [image('image', Buffer.from('GIF89a\x01\0\x01\0\0\0\0;', 'latin1'))], {
    code: 'invalid_file',
    param: 'image',
  }),
  drawn('a mask of another size', [image('image', png(9, 9)), image('mask', png(8, 8))], { param: 'mask' }),
  drawn('a mask that is no PNG', [image('mask', jpeg(9, 9)), image('image', png(9, 9))], { param: 'mask' }),
  drawn('a mask of 5 MB', [image('image', png(9, 9)), image('mask', png(9, 9, 5 * mega))], {
    status: 413,
    code: 'file_too_large',
    param: 'mask',
  }),
  drawn('a variation of what is not square', [image('image', png(9, 8))], {
    path: '/v1/images/variations',
    body: formBytes([image('image', png(9, 8)), draws]),
    param: 'image',
  }),
  file(85, 'two files', formBytes([spoken, spoken, hears]), { code: 'invalid_value' }),
  file(85, 'the file as a field', formBytes([{ name: 'file', body: 'a.wav' }, hears]), { code: 'invalid_value' }),
  file(85, 'no file', formBytes([hears]), { code: 'missing_required_parameter' }),
  file(85, 'a file that is none of the endpoint’s', formBytes([spoken, hears, { ...spoken, name: 'other' }]), {
    code: 'invalid_value',
    param: 'other',
  }),
  file(85, 'the model as a file', formBytes([spoken, { ...hears, filename: 'm.txt' }]), {
    code: 'invalid_value',
    param: 'model',
  }),
  file(85, 'the model twice', formBytes([spoken, hears, hears]), { code: 'invalid_value', param: 'model' }),
  drawn(
    '17 images',
    Array.from({ length: 17 }, () => image('image[]', png(9, 9))),
    {
      row: 85,
      code: 'invalid_value',
      param: 'image',
    },
  ),
];
