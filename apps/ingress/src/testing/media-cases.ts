import type { HttpCase } from './http-case.js';

const param = 'messages[0].content[0].image_url';
const ask = (...content: object[]) => ({ body: { model: 'gpt-test', messages: [{ role: 'user', content }] } });
const image = (url: string) => ask({ type: 'image_url', image_url: { url } });
const refused = { status: 400, code: 'image_url_not_allowed', param } as const;
const invalid = { status: 400, code: 'invalid_image', param } as const;
const data = (type: string, bytes: string, encoding: 'hex' | 'utf8' = 'hex') =>
  `data:${type};base64,${Buffer.from(bytes, encoding).toString('base64')}`;

const privateUrls = [
  ...['http://169.254.169.254/latest/meta-data/', 'http://[::ffff:7f00:1]', 'http://2130706433/', 'http://0177.0.0.1'],
  ...['http://localhost.', 'http://[fd00:ec2::254]', 'http://metadata.google.internal', 'http://0x7f.1/'],
  ...['https://10.0.0.1/a.png', 'http://[::1]/', 'http://[64:ff9b::a9fe:a9fe]/', 'http://postgres/', 'http://a.local/'],
];
const strangeUrls = [
  ...['file:///etc/passwd', 'gopher://127.0.0.1:6379/_INFO', 'ftp://example.com/a.png', 'javascript:alert(1)'],
  ...['http://user:pass@example.com/', 'http://example.com:25/', 'http://example.com:6379/', '/etc/passwd', ''],
  ...['http://example.com\\@127.0.0.1/', data('text/html', '<script>alert(1)</script>', 'utf8'), 'data:,x'],
];

/** PNG signature and header; the size is 4 bytes each. */
const png = (width: string, height: string) => `89504e470d0a1a0a0000000d49484452${width}${height}080200000000000000`;
const svg = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>';
const noImages: readonly [string, string][] = [
  ['base64 of nothing', 'data:image/png;base64,'],
  ['base64 that is none', 'data:image/png;base64,!!!!'],
  ['base64 cut off', data('image/png', png('00000003', '00000002')).slice(0, -1)],
  ['no base64', 'data:image/png,abc'],
  ['a JPEG that says PNG', data('image/png', 'ffd8ffe000104a464946')],
  ['SVG with a script', data('image/svg+xml', svg, 'utf8')],
  ['SVG that says PNG', data('image/png', svg, 'utf8')],
  ['GIF of 60,000 × 60,000', data('image/gif', '47494638396160ea60ea000000')],
  ['PNG of 50,000 × 50,000', data('image/png', png('0000c350', '0000c350'))],
];

/** Files that a chat names by URL, or holds. */
export const mediaCases: readonly HttpCase[] = [
  ...privateUrls.map((url) => ({ row: 69, what: url, ...image(url), ...refused })),
  { row: 69, what: 'as a string', ...ask({ type: 'image_url', image_url: 'http://127.0.0.1/' }), ...refused },
  {
    row: 69,
    what: 'a video',
    ...ask({ type: 'text', text: 'a' }, { type: 'video_url', video_url: { url: 'http://127.0.0.1/' } }),
    ...refused,
    param: 'messages[0].content[1].video_url',
  },
  {
    row: 69,
    what: 'a file',
    ...ask({ type: 'file', file: { file_data: 'http://127.0.0.1/a.pdf' } }),
    ...refused,
    param: 'messages[0].content[0].file.file_data',
  },
  {
    row: 69,
    what: 'sound',
    ...ask({ type: 'input_audio', input_audio: { data: 'http://127.0.0.1/a.wav', format: 'wav' } }),
    ...refused,
    param: 'messages[0].content[0].input_audio.data',
  },
  ...strangeUrls.map((url) => ({ row: 72, what: url.slice(0, 40) || 'no URL', ...image(url), ...refused })),
  ...noImages.map(([what, url]) => ({ row: 74, what, ...image(url), ...invalid })),
];
