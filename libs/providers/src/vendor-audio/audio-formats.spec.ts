import { describe, expect, it } from '@jest/globals';
import { readWav, sniffedFormat, wavOfPcm } from './audio-formats.js';

const pcm = Buffer.from([1, 2, 3, 4, 5, 6]);

describe('audio formats', () => {
  it('reads the samples of a WAV file that it made', () => {
    const file = wavOfPcm(pcm);
    expect(file.length).toBe(44 + pcm.length);
    expect(readWav(file)).toEqual({ pcm, rate: 24_000, channels: 1, bits: 16 });
  });

  it('skips other chunks, and takes what is there of a stream that claims more', () => {
    const file = Buffer.from(wavOfPcm(pcm));
    file.writeUInt32LE(0xffffffff, 40);
    const list = Buffer.from('LIST\x03\x00\x00\x00abc\x00', 'latin1');
    const odd = Buffer.concat([file.subarray(0, 36), list, file.subarray(36)]);
    expect(readWav(odd)?.pcm).toEqual(pcm);
  });

  it('reads no samples of what is none: floats, cut files, other files', () => {
    const floats = Buffer.from(wavOfPcm(pcm));
    floats.writeUInt16LE(3, 20);
    expect(readWav(floats)).toBeUndefined();
    expect(readWav(wavOfPcm(pcm).subarray(0, 40))).toBeUndefined();
    expect(readWav(Buffer.alloc(100))).toBeUndefined();
  });

  it.each([
    ['wav', wavOfPcm(pcm)],
    ['flac', Buffer.from('fLaC....')],
    ['opus', Buffer.from('OggS....')],
    ['mp3', Buffer.from('ID3.....')],
    ['mp3', Buffer.from([0xff, 0xfb, 0x90, 0])],
    ['aac', Buffer.from([0xff, 0xf1, 0x50, 0])],
    [undefined, Buffer.from('{"error"')],
  ])('sniffs %s', (format, bytes) => {
    expect(sniffedFormat(bytes)).toBe(format);
  });
});
