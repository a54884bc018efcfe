import { describe, expect, it } from '@jest/globals';
import { describeMedia, imageInfo, inspectMedia } from './media-info.js';

function bytes(length: number, at: Record<number, readonly number[] | string>): Buffer {
  const buffer = Buffer.alloc(length);
  for (const [offset, content] of Object.entries(at)) {
    Buffer.from(typeof content === 'string' ? Buffer.from(content, 'latin1') : content).copy(buffer, Number(offset));
  }
  return buffer;
}

const png = bytes(33, { 0: '\x89PNG\r\n\x1a\n', 12: 'IHDR', 16: [0, 0, 2, 128], 20: [0, 0, 1, 224] });
const gif = bytes(16, { 0: 'GIF89a', 6: [64, 1, 240, 0] });
// A comment segment comes first, then the frame.
const jpeg = bytes(32, { 0: [0xff, 0xd8, 0xff, 0xfe, 0, 4, 1, 2], 8: [0xff, 0xc2, 0, 11, 8, 1, 0, 2, 0] });
const webpLossy = bytes(32, { 0: 'RIFF', 8: 'WEBPVP8 ', 26: [0x20, 0x03, 0x58, 0x02] });
const webpLossless = bytes(32, { 0: 'RIFF', 8: 'WEBPVP8L', 20: [0x2f, 0xff, 0xc0, 0x3f, 0x00] });
const webpExtended = bytes(32, { 0: 'RIFF', 8: 'WEBPVP8X', 24: [0xff, 0x03, 0x00, 0xff, 0x01, 0x00] });

describe('imageInfo', () => {
  it.each([
    ['PNG', png, 640, 480],
    ['GIF', gif, 320, 240],
    ['JPEG', jpeg, 512, 256],
    ['WebP', webpLossy, 800, 600],
    ['WebP', webpLossless, 256, 256],
    ['WebP', webpExtended, 1024, 512],
  ])('reads the size of a %s', (format, content, width, height) => {
    expect(imageInfo(content)).toEqual({ format, width, height });
  });

  it('knows nothing of other bytes, nor of cut ones', () => {
    expect(imageInfo(Buffer.from('hello, this is no image at all'))).toBeUndefined();
    expect(imageInfo(png.subarray(0, 12))).toBeUndefined();
    expect(imageInfo(jpeg.subarray(0, 10))).toBeUndefined();
    expect(imageInfo(Buffer.alloc(0))).toBeUndefined();
  });
});

describe('describeMedia', () => {
  const describePart = (kind: 'image' | 'audio' | 'file', source: string, note?: string): string =>
    describeMedia(inspectMedia({ kind, source, note }));

  it('tells format, size and bytes of a data URL', () => {
    const url = `data:image/png;base64,${png.toString('base64')}`;
    expect(describePart('image', url)).toBe('a PNG image of 640 × 480 pixels (33 bytes)');
  });

  it('names a remote image', () => {
    expect(describePart('image', 'https://example.com/cat.png')).toContain('https://example.com/cat.png');
  });

  it('tells format and length of a WAV', () => {
    const wav = bytes(44 + 16_000, { 0: 'RIFF', 8: 'WAVEfmt ', 28: [0x80, 0x3e, 0, 0] });
    expect(describePart('audio', wav.toString('base64'), 'wav')).toBe('a WAV audio of 1.0 seconds (16044 bytes)');
  });

  it('tells format and bytes of an MP3, and the name of a file', () => {
    expect(describePart('audio', Buffer.from('ID3xxxxx').toString('base64'), 'mp3')).toBe('an MP3 audio (8 bytes)');
    const pdf = `data:application/pdf;base64,${Buffer.from('%PDF-1.7').toString('base64')}`;
    expect(describePart('file', pdf, 'a.pdf')).toBe('a PDF file named a.pdf (8 bytes)');
  });
});
