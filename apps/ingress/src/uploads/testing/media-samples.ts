import { crc32, deflateSync } from 'node:zlib';

/** Silence of so many seconds, 8 kHz, 8 bit. */
export function wav(seconds: number): Buffer {
  const samples = Math.round(seconds * 8_000);
  const head = Buffer.alloc(44);
  head.write('RIFF', 0, 'latin1');
  head.writeUInt32LE(36 + samples, 4);
  head.write('WAVEfmt ', 8, 'latin1');
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(8_000, 24);
  head.writeUInt32LE(8_000, 28);
  head.writeUInt16LE(1, 32);
  head.writeUInt16LE(8, 34);
  head.write('data', 36, 'latin1');
  head.writeUInt32LE(samples, 40);
  return Buffer.concat([head, Buffer.alloc(samples, 0x80)]);
}

const mp3FrameBytes = 417;

/** MPEG-1 Layer III frames of 128 kbit/s at 44.1 kHz, no tag before them: 38.28 a second. */
export function mp3(seconds: number): Buffer {
  const frame = Buffer.alloc(mp3FrameBytes);
  frame.set([0xff, 0xfb, 0x90, 0x00]);
  return Buffer.concat(Array.from({ length: Math.ceil((seconds * 44_100) / 1_152) }, () => frame));
}

/** The same in frames of 128 and 32 kbit/s in turn: no size tells its length. */
export function mp3OfChangingRate(seconds: number): Buffer {
  const pair = Buffer.alloc(mp3FrameBytes + 104);
  pair.set([0xff, 0xfb, 0x90, 0x00]);
  pair.set([0xff, 0xfb, 0x10, 0x00], mp3FrameBytes);
  return Buffer.concat(Array.from({ length: Math.ceil((seconds * 44_100) / 2_304) }, () => pair));
}

/** ADTS frames of AAC, 200 bytes each, at 44.1 kHz. */
export function aac(seconds: number): Buffer {
  const frame = Buffer.alloc(200);
  frame.set([0xff, 0xf1, 0x50, 0x80, 200 >> 3, ((200 & 7) << 5) | 0x1f, 0xfc]);
  return Buffer.concat(Array.from({ length: Math.ceil((seconds * 44_100) / 1_024) }, () => frame));
}

/** A tag with so many bytes of picture, to stand before MP3. */
export function id3(bytes: number): Buffer {
  const size = [21, 14, 7, 0].map((shift) => (bytes >> shift) & 0x7f);
  return Buffer.concat([Buffer.from('ID3\x04\0\0', 'latin1'), Buffer.from(size), Buffer.alloc(bytes, 0xff)]);
}

/** A FLAC header that tells its length; no frames. */
export function flac(seconds: number): Buffer {
  const info = Buffer.alloc(34);
  info.writeUInt16BE(4_096, 0);
  info.writeUInt16BE(4_096, 2);
  // 20 bits of sample rate, 3 of channels, 5 of depth, 36 of samples.
  info.writeBigUInt64BE((44_100n << 44n) | (0n << 41n) | (15n << 36n) | BigInt(seconds * 44_100), 10);
  return Buffer.concat([Buffer.from('fLaC'), Buffer.from([0x80, 0, 0, 34]), info]);
}

/** Ogg with Opus: a head, tags, and a last page whose position is the length. */
export function opus(seconds: number): Buffer {
  const head = Buffer.concat([Buffer.from('OpusHead'), Buffer.from([1, 1, 0, 0, 0x80, 0xbb, 0, 0, 0, 0, 0])]);
  const tags = Buffer.concat([Buffer.from('OpusTags'), Buffer.alloc(8)]);
  const end = page(BigInt(seconds * 48_000), 4, Buffer.alloc(40, 0xfc), 2);
  return Buffer.concat([page(0n, 2, head, 0), page(0n, 0, tags, 1), end]);
}

function page(position: bigint, type: number, packet: Buffer, sequence: number): Buffer {
  const head = Buffer.alloc(28);
  head.write('OggS', 0, 'latin1');
  head.writeUInt8(type, 5);
  head.writeBigUInt64LE(position, 6);
  head.writeUInt32LE(1, 14);
  head.writeUInt32LE(sequence, 18);
  head.writeUInt8(1, 26);
  head.writeUInt8(packet.length, 27);
  return Buffer.concat([head, packet]);
}

/** An M4A whose index comes last, behind `mediaBytes` of samples that mean nothing. */
export function m4a(seconds: number, mediaBytes = 1_000): Buffer {
  const [movie, media, handler] = [Buffer.alloc(100), Buffer.alloc(24), Buffer.alloc(25)];
  movie.writeUInt32BE(1_000, 12);
  movie.writeUInt32BE(seconds * 1_000, 16);
  media.writeUInt32BE(1_000, 12);
  media.writeUInt32BE(seconds * 1_000, 16);
  handler.write('soun', 8, 'latin1');
  const header = Buffer.alloc(84);
  header.writeUInt32BE(1, 12);
  const inside = Buffer.concat([atom('mdhd', media), atom('hdlr', handler)]);
  const track = atom('trak', Buffer.concat([atom('tkhd', header), atom('mdia', inside)]));
  const index = atom('moov', Buffer.concat([atom('mvhd', movie), track]));
  const type = atom('ftyp', Buffer.from('M4A \0\0\0\0M4A mp42'));
  return Buffer.concat([type, atom('mdat', Buffer.alloc(mediaBytes)), index]);
}

function atom(name: string, content: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + content.length, 0);
  head.write(name, 4, 'latin1');
  return Buffer.concat([head, content]);
}

/** A WebM that tells its length. */
export function webm(seconds: number): Buffer {
  const duration = Buffer.alloc(8);
  duration.writeDoubleBE(seconds * 1_000, 0);
  const info = element(
    '1549a966',
    Buffer.concat([element('2ad7b1', Buffer.from([0x0f, 0x42, 0x40])), element('4489', duration)]),
  );
  const head = element('1a45dfa3', element('4282', Buffer.from('webm')));
  return Buffer.concat([head, element('18538067', info)]);
}

function element(id: string, content: Buffer): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32BE(0x1000_0000 | content.length, 0);
  return Buffer.concat([Buffer.from(id, 'hex'), size, content]);
}

/** A whole PNG of one colour; only its header where it says to be too large to be real. */
export function png(width: number, height: number, bytes = 0): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 0, 0, 0, 0], 8);
  const pixels = width * height > 1_000_000 ? Buffer.alloc(10) : deflateSync(Buffer.alloc((width + 1) * height));
  const signature = Buffer.from('89504e470d0a1a0a', 'hex');
  const parts = [signature, chunk('IHDR', header), chunk('IDAT', pixels)];
  const had = parts.reduce((sum, part) => sum + part.length, 0) + 12;
  if (bytes > had + 12) parts.push(chunk('fiLl', Buffer.alloc(bytes - had - 12)));
  return Buffer.concat([...parts, chunk('IEND', Buffer.alloc(0))]);
}

function chunk(name: string, data: Buffer): Buffer {
  const typed = Buffer.concat([Buffer.from(name, 'latin1'), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length, 0);
  sum.writeUInt32BE(crc32(typed), 0);
  return Buffer.concat([length, typed, sum]);
}

/** A JPEG up to its size, behind so many bytes of metadata. */
export function jpeg(width: number, height: number, metadataBytes = 0): Buffer {
  const parts: Buffer[] = [Buffer.from([0xff, 0xd8])];
  for (let left = metadataBytes; left > 0; left -= 60_000)
    parts.push(segment(0xe2, Buffer.alloc(Math.min(left, 60_000))));
  const frame = Buffer.alloc(15);
  frame.writeUInt8(8, 0);
  frame.writeUInt16BE(height, 1);
  frame.writeUInt16BE(width, 3);
  parts.push(segment(0xe0, Buffer.from('JFIF\0\x01\x01\0\0\x01\0\x01\0\0', 'latin1')), segment(0xc0, frame));
  return Buffer.concat([...parts, Buffer.from([0xff, 0xd9])]);
}

function segment(marker: number, data: Buffer): Buffer {
  const head = Buffer.from([0xff, marker, 0, 0]);
  head.writeUInt16BE(data.length + 2, 2);
  return Buffer.concat([head, data]);
}

/** The beginning of a lossy WebP. */
export function webp(width: number, height: number): Buffer {
  const head = Buffer.alloc(40);
  head.write('RIFF', 0, 'latin1');
  head.writeUInt32LE(32, 4);
  head.write('WEBPVP8 ', 8, 'latin1');
  head.writeUInt32LE(20, 16);
  head.set([0x9d, 0x01, 0x2a], 23);
  head.writeUInt16LE(width, 26);
  head.writeUInt16LE(height, 28);
  return head;
}
