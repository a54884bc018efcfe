import { gzipSync } from 'node:zlib';
import { generateApiKey } from '#libs/contracts';
import { goodBody, type HttpCase } from './http-case.js';

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const withTypo = (key: string) => key.slice(0, -1) + (key.endsWith('0') ? '1' : '0');
const unknownKey = { status: 401, code: 'invalid_api_key' } as const;

const keys: readonly HttpCase[] = [
  { row: 1, what: 'no key', headers: { authorization: undefined }, status: 401, code: 'missing_api_key' },
  { row: 2, what: 'Basic', headers: { authorization: 'Basic dXNlcjpwYXNz' }, ...unknownKey },
  { row: 3, what: 'Bearer and nothing', headers: { authorization: 'Bearer' }, ...unknownKey },
  { row: 3, what: 'Bearer and white space', headers: { authorization: 'Bearer \t ' }, ...unknownKey },
  {
    row: 4,
    what: 'unknown key of the right form',
    headers: () => bearer(generateApiKey('inference')),
    ...unknownKey,
  },
  { row: 5, what: 'wrong checksum', headers: ({ key }) => bearer(withTypo(key)), ...unknownKey },
  { row: 6, what: 'SQL', headers: bearer("' OR '1'='1"), ...unknownKey },
  { row: 7, what: '10 KB', headers: bearer('k'.repeat(10_000)), ...unknownKey },
  { row: 7, what: 'not ASCII', headers: bearer('sk-modapi-\u00e9'), ...unknownKey },
  { row: 8, what: 'revoked', headers: ({ addKey }) => bearer(addKey('inference', 'revoked')), ...unknownKey },
  { row: 8, what: 'expired', headers: ({ addKey }) => bearer(addKey('inference', 'expired')), ...unknownKey },
  {
    row: 9,
    what: 'another x-api-key',
    headers: { 'x-api-key': 'sk-other' },
    status: 400,
    code: 'ambiguous_credentials',
  },
  {
    row: 10,
    what: 'disabled organization',
    headers: ({ addKey }) => bearer(addKey('inference', 'organization_disabled')),
    status: 403,
    code: 'organization_disabled',
  },
  { row: 12, what: 'admin key', headers: ({ adminKey }) => bearer(adminKey), status: 403, code: 'insufficient_scope' },
  {
    row: 12,
    what: 'admin key on the models',
    method: 'GET',
    path: '/v1/models',
    headers: ({ adminKey }) => bearer(adminKey),
    status: 403,
    code: 'insufficient_scope',
  },
];

const unknownUrl = { status: 404, code: 'unknown_url' } as const;
const noKey = { headers: { authorization: undefined }, status: 401, code: 'missing_api_key' } as const;
const oddPaths = [
  '//v1//chat/completions',
  '/V1/CHAT/COMPLETIONS',
  '/v1/chat/completions/',
  '/v1/chat/completions;x',
  '/v1/%63hat/completions',
  '/v1/models%2F',
  '/v1/chat%zz',
  '/v1/chat/completions%00',
  '/v1/chat/completions#f',
  '/v1/chat/completions?q#f',
];

const routes: readonly HttpCase[] = [
  { row: 14, what: 'unknown path', method: 'GET', path: '/v1/nope', ...unknownUrl },
  { row: 14, what: 'unknown path with a body', path: '/v1/embedding', ...unknownUrl },
  {
    row: 15,
    what: 'GET of a POST route',
    method: 'GET',
    path: '/v1/chat/completions',
    status: 405,
    code: 'method_not_allowed',
    answer: { allow: 'POST' },
  },
  {
    row: 15,
    what: 'DELETE of a GET route',
    method: 'DELETE',
    path: '/v1/models/gpt-test',
    status: 405,
    code: 'method_not_allowed',
    answer: { allow: 'GET, HEAD' },
  },
  {
    row: 15,
    what: 'OPTIONS that is no preflight',
    method: 'OPTIONS',
    path: '/v1/models',
    status: 405,
    code: 'method_not_allowed',
    answer: { allow: 'GET, HEAD' },
  },
  ...oddPaths.map((path) => ({ row: 17, what: path, path, ...unknownUrl })),
  ...oddPaths.map((path) => ({ row: 17, what: `${path} without a key`, path, ...noKey })),
  {
    row: 19,
    what: 'URL of 9 KB',
    method: 'GET',
    path: `/v1/models?${'q'.repeat(9_000)}`,
    status: 414,
    code: 'uri_too_long',
  },
];

const text = (body: string | Buffer, headers?: Record<string, string | undefined>) => ({
  body,
  ...(headers && { headers }),
});
const json = JSON.stringify(goodBody);
const mediaType = { status: 415, code: 'unsupported_media_type' } as const;
const invalidJson = { status: 400, code: 'invalid_json' } as const;
const encoding = (name: string) => ({ 'content-encoding': name });

const bodies: readonly HttpCase[] = [
  { row: 21, what: 'no content type', headers: { 'content-type': undefined }, ...mediaType },
  ...['text/plain', 'application/json\t;x', 'application/json;x', 'application/jsonx', 'multipart/form-data'].map(
    (type) => ({ row: 22, what: type, headers: { 'content-type': type }, ...mediaType }),
  ),
  {
    row: 23,
    what: 'UTF-16',
    headers: { 'content-type': 'application/json; charset=utf-16' },
    status: 415,
    code: 'unsupported_charset',
  },
  { row: 24, what: 'empty', ...text(''), ...invalidJson },
  ...['{', '{"a":1,}', '{"a":NaN}', '{"a":1/**/}', "{'a':1}"].map((body) => ({
    row: 25,
    what: body,
    ...text(body),
    ...invalidJson,
  })),
  ...['[]', '1', '"x"', 'null'].map((body) => ({
    row: 26,
    what: body,
    ...text(body),
    status: 400,
    code: 'invalid_type' as const,
  })),
  {
    row: 27,
    what: 'invalid UTF-8',
    ...text(Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x7d])),
    status: 400,
    code: 'invalid_encoding',
  },
  { row: 29, what: '[ × 10,000', ...text('['.repeat(10_000)), status: 400, code: 'json_too_deep' },
  {
    row: 30,
    what: '50,001 keys',
    ...text(`{${Array.from({ length: 50_001 }, (_, index) => `"k${index}":1`).join()}}`),
    status: 400,
    code: 'json_too_complex',
  },
  { row: 30, what: '200,001 values', ...text(`[${'1,'.repeat(200_001)}1]`), status: 400, code: 'json_too_complex' },
  {
    row: 31,
    what: 'model twice',
    ...text('{"model":"a","model":"b"}'),
    status: 400,
    code: 'duplicate_key',
    param: 'model',
  },
  {
    row: 31,
    what: 'model twice, once escaped',
    ...text('{"model":"a","\\u006dodel":"b"}'),
    status: 400,
    code: 'duplicate_key',
    param: 'model',
  },
  {
    row: 32,
    what: '__proto__',
    ...text('{"a":{"__proto__":{}}}'),
    status: 400,
    code: 'forbidden_key',
    param: 'a.__proto__',
  },
  {
    row: 32,
    what: 'constructor.prototype',
    ...text('{"constructor":{"prototype":{}}}'),
    status: 400,
    code: 'forbidden_key',
    param: 'constructor.prototype',
  },
  {
    row: 37,
    what: 'gzip bomb',
    ...text(gzipSync(Buffer.alloc(8_000_000)), encoding('gzip')),
    status: 413,
    code: 'request_too_large',
  },
  {
    row: 38,
    what: 'gzip, gzip',
    ...text(gzipSync(gzipSync(json)), encoding('gzip, gzip')),
    status: 415,
    code: 'unsupported_encoding',
  },
  { row: 38, what: 'br', ...text(json, encoding('br')), status: 415, code: 'unsupported_encoding' },
  { row: 39, what: 'corrupt gzip', ...text('not gzip', encoding('gzip')), status: 400, code: 'invalid_encoding' },
];

/** Keys, routes and bodies: what is refused before the request is understood. */
export const doorCases: readonly HttpCase[] = [...keys, ...routes, ...bodies];
