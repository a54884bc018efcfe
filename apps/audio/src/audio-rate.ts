/** kbit/s of MPEG layer III by index: MPEG-1, then MPEG-2 and 2.5. */
const rates = [
  [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];
const wavHeader = 'RIFF';

/** Bytes per second as the first bytes of a file tell: of MP3 by its first frame, of WAV by its header; else undefined. */
export function audioRateOf(first: Buffer): number | undefined {
  if (first.length >= 32 && first.toString('latin1', 0, 4) === wavHeader) return first.readUInt32LE(28) || undefined;
  const at = frameStart(first);
  if (at + 4 > first.length || first[at] !== 0xff) return undefined;
  const [version, layer] = [(first.readUInt8(at + 1) >> 3) & 3, (first.readUInt8(at + 1) >> 1) & 3];
  // Only layer III is MP3; 1 is no version.
  if (first.readUInt8(at + 1) < 0xe0 || layer !== 1 || version === 1) return undefined;
  const kilobits = rates[version === 3 ? 0 : 1]?.[(first.readUInt8(at + 2) >> 4) - 1];
  return kilobits === undefined ? undefined : kilobits * 125;
}

/** Behind an ID3 tag, whose length is written seven bits a byte. */
function frameStart(first: Buffer): number {
  if (first.length < 10 || first.toString('latin1', 0, 3) !== 'ID3') return 0;
  const size = [6, 7, 8, 9].reduce((sum, index) => (sum << 7) | (first.readUInt8(index) & 0x7f), 0);
  return 10 + size;
}
