import { pcmRate } from './pcm.js';
import { vorbisComment } from './vorbis-comment.js';

const blockSamples = 4_096;

/** A FLAC file without compression (RFC 9639, verbatim subframes): exact, and no encoder is needed. */
export function flacBytes(samples: Int16Array, comment: string): Buffer {
  const parts: Buffer[] = [
    Buffer.from('fLaC'),
    block(0, false, streamInfo(samples.length)),
    block(4, true, vorbisComment(comment)),
  ];
  for (let start = 0, number = 0; start < samples.length; start += blockSamples, number++) {
    parts.push(frame(samples.subarray(start, start + blockSamples), number));
  }
  return Buffer.concat(parts);
}

function block(type: number, isLast: boolean, content: Buffer): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt8((isLast ? 0x80 : 0) | type, 0);
  header.writeUIntBE(content.length, 1, 3);
  return Buffer.concat([header, content]);
}

function streamInfo(total: number): Buffer {
  const info = Buffer.alloc(34);
  info.writeUInt16BE(blockSamples, 0);
  info.writeUInt16BE(blockSamples, 2);
  // 20 bits of rate, 3 of channels - 1, 5 of bits - 1, 36 of samples. The checksum of all samples may be left at zero.
  const packed = (BigInt(pcmRate) << 44n) | (0n << 41n) | (15n << 36n) | BigInt(total);
  info.writeBigUInt64BE(packed, 10);
  return info;
}

function frame(samples: Int16Array, number: number): Buffer {
  const isWhole = samples.length === blockSamples;
  const head = Buffer.concat([
    // Sync, fixed block size; size code (4,096, or 16 bits at the end of the header) and 24 kHz; mono, 16 bits.
    Buffer.from([0xff, 0xf8, (isWhole ? 0xc0 : 0x70) | 0x07, 0x08]),
    codedNumber(number),
    ...(isWhole ? [] : [uint16(samples.length - 1)]),
  ]);
  const body = Buffer.allocUnsafe(1 + samples.length * 2);
  body.writeUInt8(0x02, 0);
  for (const [index, sample] of samples.entries()) body.writeInt16BE(sample, 1 + index * 2);
  const whole = Buffer.concat([head, Buffer.from([crc8(head)]), body]);
  return Buffer.concat([whole, uint16(crc16(whole))]);
}

/** As UTF-8 writes a code point. */
function codedNumber(number: number): Buffer {
  if (number < 0x80) return Buffer.from([number]);
  if (number < 0x800) return Buffer.from([0xc0 | (number >> 6), 0x80 | (number & 0x3f)]);
  return Buffer.from([0xe0 | (number >> 12), 0x80 | ((number >> 6) & 0x3f), 0x80 | (number & 0x3f)]);
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

function crc8(bytes: Buffer): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x80 ? ((crc << 1) ^ 0x07) & 0xff : (crc << 1) & 0xff;
  }
  return crc;
}

const crc16Table = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x8005) & 0xffff : (crc << 1) & 0xffff;
  return crc;
});

function crc16(bytes: Buffer): number {
  let crc = 0;
  for (const byte of bytes) crc = ((crc << 8) & 0xffff) ^ (crc16Table[(crc >> 8) ^ byte] ?? 0);
  return crc;
}
