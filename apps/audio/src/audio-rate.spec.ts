import { describe, expect, it } from '@jest/globals';
import { audioRateOf } from './audio-rate.js';

const mp3 = (version: number, index: number) => Buffer.from([0xff, 0xe2 | (version << 3), index << 4, 0, 0, 0]);

describe('the rate of audio', () => {
  it.each<[string, Buffer, number | undefined]>([
    ['MPEG-2 at 64 kbit/s', mp3(2, 8), 8_000],
    ['MPEG-1 at 128 kbit/s', mp3(3, 9), 16_000],
    ['MPEG-2 at 160 kbit/s', mp3(2, 14), 20_000],
    [
      'behind a tag',
      Buffer.concat([Buffer.from('ID3\x04\0\0\0\0\x01\x02', 'latin1'), Buffer.alloc(130), mp3(2, 8)]),
      8_000,
    ],
    ['a rate that there is not', mp3(2, 15), undefined],
    ['a tag that is longer than what is here', Buffer.from('ID3\x04\0\0\0\x7f\x7f\x7f....', 'latin1'), undefined],
    ['Ogg', Buffer.from('OggS and more'), undefined],
    ['nothing', Buffer.alloc(0), undefined],
  ])('is read of %s', (_name, bytes, rate) => {
    expect(audioRateOf(bytes)).toBe(rate);
  });

  it('is in the header of WAV', () => {
    const header = Buffer.alloc(44);
    header.write('RIFF');
    header.writeUInt32LE(48_000, 28);
    expect(audioRateOf(header)).toBe(48_000);
  });
});
