import { Buffer } from 'node:buffer';
import { describe, expect, it } from '@jest/globals';
import { checkDataUrl, readDataUrl } from './data-url.js';
import { gif, jpeg, png, webp } from './testing/sample-images.js';

const param = 'messages[0].content[0].image_url';
const dataUrl = (bytes: Uint8Array, type = 'image/png') =>
  `data:${type};base64,${Buffer.from(bytes).toString('base64')}`;

/** `invalid_image`, or whatever both readings say. */
function codeOf(text: string): string {
  const codes = [readDataUrl, checkDataUrl].map((read) => {
    try {
      read(text, param);
      return 'fine';
    } catch (error) {
      expect(error).toMatchObject({ param, message: expect.stringMatching(/Send /) as unknown });
      return (error as { code: string }).code;
    }
  });
  expect(codes[0]).toBe(codes[1]);
  return codes[0] as string;
}

describe('an image in a data URL', () => {
  it('is read when it is what it says', () => {
    expect(readDataUrl(dataUrl(png(3, 2)), param)).toEqual({ bytes: png(3, 2), contentType: 'image/png' });
    for (const [bytes, type] of [
      [jpeg(3, 2), 'image/jpeg'],
      [jpeg(3, 2), 'image/jpg'],
      [gif(3, 2), 'image/gif'],
      [webp(3, 2), 'image/webp'],
    ] as const) {
      expect([type, codeOf(dataUrl(bytes, type))]).toEqual([type, 'fine']);
    }
    expect(codeOf(dataUrl(png(3, 2), 'IMAGE/PNG;name=a.png').replace('data:', 'DATA:'))).toBe('fine');
  });

  it.each([
    ['base64 with a stranger in it', dataUrl(png(3, 2)).replace('A', '!')],
    ['base64 of URLs', dataUrl(png(3, 2)).slice(0, -4) + '-_-_'],
    ['base64 with white space', dataUrl(png(3, 2)).replace('A', ' ')],
    ['base64 cut off', dataUrl(png(3, 2)).slice(0, -1)],
    ['padding in the middle', `${dataUrl(png(3, 2)).slice(0, 40)}=${dataUrl(png(3, 2)).slice(41)}`],
    ['no base64 at all', 'data:image/png;base64,'],
    ['no base64 said', 'data:image/png,abcd'],
    ['a lie about its type', dataUrl(jpeg(3, 2), 'image/png')],
    ['another lie', dataUrl(png(3, 2), 'image/gif')],
    [
      'SVG with a script',
      dataUrl(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'), 'image/svg+xml'),
    ],
    ['SVG in plain text', 'data:image/svg+xml,<svg onload="alert(1)"/>'],
    ['SVG that says PNG', dataUrl(Buffer.from('<svg/>'), 'image/png')],
    ['a page that says PNG', dataUrl(Buffer.from('<html><script>alert(1)</script></html>'))],
    ['GIF of 60,000 × 60,000', dataUrl(gif(60_000, 60_000), 'image/gif')],
    ['PNG of 50,000 × 50,000', dataUrl(png(50_000, 50_000))],
    ['PNG of 4 billion in a line', dataUrl(png(0x7fffffff, 1))],
    ['JPEG of 65,000 × 65,000', dataUrl(jpeg(65_000, 65_000), 'image/jpeg')],
    ['WebP of 16,000 × 16,000', dataUrl(webp(16_000, 16_000), 'image/webp')],
    ['an image of nothing', dataUrl(png(0, 5))],
    ['TIFF', dataUrl(Buffer.from('49492a0008000000', 'hex'), 'image/tiff')],
    ['PNG without a header', dataUrl(Buffer.from('89504e470d0a1a0a', 'hex'))],
  ])('is invalid_image: %s', (_, text) => {
    expect(codeOf(text)).toBe('invalid_image');
  });

  it.each([
    'data:text/html;base64,PHNjcmlwdD4=',
    'data:,x',
    'data:',
    'data:application/pdf;base64,JVBERg==',
    `data:image/png${';a=b'.repeat(200)};base64,AAAA`,
  ])('is no image, and not allowed: %s', (text) => {
    expect(codeOf(text)).toBe('image_url_not_allowed');
  });

  it('is not decoded whole when it is only looked at', () => {
    const large = dataUrl(Buffer.concat([png(300, 200), Buffer.alloc(15_000_000)]));
    checkDataUrl(large, param);
    const started = performance.now();
    for (let count = 0; count < 100; count++) checkDataUrl(large, param);
    expect((performance.now() - started) / 100).toBeLessThan(2);
    expect(() => checkDataUrl(`${large.slice(0, -3)}!!=`, param)).toThrow(/base64/);
    const hidden = `${large.slice(0, 5_000_000)}!${large.slice(5_000_001)}`;
    expect(() => readDataUrl(hidden, param)).toThrow(/base64/);
  });

  it('may hide its size behind much else, which a look leaves open', () => {
    const app1 = Buffer.concat([Buffer.from('ffe1ffff', 'hex'), Buffer.alloc(0xfffd)]);
    const late = Buffer.concat([Buffer.from('ffd8', 'hex'), app1, app1, jpeg(65_000, 65_000).subarray(2)]);
    checkDataUrl(dataUrl(late, 'image/jpeg'), param);
    expect(() => readDataUrl(dataUrl(late, 'image/jpeg'), param)).toThrow(/pixels/);
  });
});
