import { vorbisComment } from './vorbis-comment.js';

/** A second of 20 ms packets. */
const packetsPerPage = 50;
const preSkip = 312;
/** Of a 20 ms packet; Opus counts in 48 kHz whatever the input was. */
const samplesPerPacket = 960;
const serial = 0x6d6f6461;

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  return crc >>> 0;
});

/** An Ogg Opus file (RFC 3533, RFC 7845) out of 20 ms packets, page by page. */
export function oggOpusPages(packets: readonly Buffer[], comment: string): Buffer[] {
  const head = Buffer.alloc(19);
  head.write('OpusHead');
  head.writeUInt8(1, 8);
  head.writeUInt8(1, 9);
  head.writeUInt16LE(preSkip, 10);
  head.writeUInt32LE(24_000, 12);
  const tags = Buffer.concat([Buffer.from('OpusTags'), vorbisComment(comment)]);
  const pages = [
    page([head], { sequence: 0, granule: 0n, flags: 2 }),
    page([tags], { sequence: 1, granule: 0n, flags: 0 }),
  ];
  for (let start = 0; start < packets.length; start += packetsPerPage) {
    const end = Math.min(start + packetsPerPage, packets.length);
    const granule = BigInt(preSkip + end * samplesPerPacket);
    const flags = end === packets.length ? 4 : 0;
    pages.push(page(packets.slice(start, end), { sequence: pages.length, granule, flags }));
  }
  return pages;
}

function page(
  packets: readonly Buffer[],
  { sequence, granule, flags }: { sequence: number; granule: bigint; flags: number },
): Buffer {
  const lacing = packets.flatMap(({ length }) => [...Array<number>(Math.floor(length / 255)).fill(255), length % 255]);
  if (lacing.length > 255) throw new Error('an Ogg page holds 255 segments');
  const head = Buffer.alloc(27);
  head.write('OggS');
  head.writeUInt8(flags, 5);
  head.writeBigUInt64LE(granule, 6);
  head.writeUInt32LE(serial, 14);
  head.writeUInt32LE(sequence, 18);
  head.writeUInt8(lacing.length, 26);
  const whole = Buffer.concat([head, Buffer.from(lacing), ...packets]);
  whole.writeUInt32LE(crcOf(whole), 22);
  return whole;
}

function crcOf(bytes: Buffer): number {
  let crc = 0;
  for (const byte of bytes) crc = ((crc << 8) ^ (crcTable[((crc >>> 24) ^ byte) & 0xff] ?? 0)) >>> 0;
  return crc;
}
