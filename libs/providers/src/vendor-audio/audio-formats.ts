/** OpenAI's formats of speech and their media types. */
const contentTypes: Readonly<Record<string, string>> = {
  mp3: 'audio/mpeg',
  opus: 'audio/opus',
  aac: 'audio/aac',
  flac: 'audio/flac',
  wav: 'audio/wav',
  pcm: 'audio/pcm',
};

/** Media type of a format of speech. */
export function speechContentType(format: string): string {
  return contentTypes[format] ?? 'application/octet-stream';
}

/** The format that a media type of ours stands for. */
export function speechFormatOf(contentType: string): string | undefined {
  return Object.keys(contentTypes).find((format) => contentTypes[format] === contentType);
}

/** Samples per second of OpenAI's `pcm`: 16 bits, signed, little-endian, one channel. */
export const pcmRate = 24_000;

/** Raw samples (16 bits, one channel) as a WAV file: a header of 44 bytes before them. */
export function wavOfPcm(pcm: Uint8Array, rate = pcmRate): Uint8Array {
  const header = Buffer.alloc(44);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(36 + pcm.length, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(rate, 24);
  header.writeUInt32LE(rate * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(pcm.length, 40);
  return Buffer.concat([header, pcm]);
}

/** What a WAV file says of itself. */
export interface WavSound {
  readonly pcm: Uint8Array;
  readonly rate: number;
  readonly channels: number;
  readonly bits: number;
}

/** The samples of a WAV file; undefined: it is none, or not plain PCM. */
export function readWav(bytes: Uint8Array): WavSound | undefined {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file.length < 44 || file.toString('latin1', 0, 4) !== 'RIFF' || file.toString('latin1', 8, 12) !== 'WAVE') {
    return undefined;
  }
  let format: Omit<WavSound, 'pcm'> | undefined;
  for (let at = 12; at + 8 <= file.length;) {
    const name = file.toString('latin1', at, at + 4);
    const size = file.readUInt32LE(at + 4);
    const start = at + 8;
    if (name === 'fmt ' && start + 16 <= file.length) {
      if (file.readUInt16LE(start) !== 1) return undefined;
      const [channels, rate] = [file.readUInt16LE(start + 2), file.readUInt32LE(start + 4)];
      format = { channels, rate, bits: file.readUInt16LE(start + 14) };
    }
    // A stream's header does not know its length and says too much.
    if (name === 'data') return format && { ...format, pcm: file.subarray(start, Math.min(start + size, file.length)) };
    at = start + size + (size % 2);
  }
  return undefined;
}

/** The format of a file by its first bytes. */
export function sniffedFormat(bytes: Uint8Array): string | undefined {
  const start = Buffer.from(bytes.subarray(0, 12)).toString('latin1');
  if (start.startsWith('RIFF') && start.endsWith('WAVE')) return 'wav';
  if (start.startsWith('fLaC')) return 'flac';
  if (start.startsWith('OggS')) return 'opus';
  if (start.startsWith('ID3')) return 'mp3';
  const [first = 0, second = 0] = bytes;
  if (first !== 0xff) return undefined;
  // An MPEG frame's layer bits: 00 is ADTS, the frame of AAC.
  if ((second & 0xf6) === 0xf0) return 'aac';
  return (second & 0xe0) === 0xe0 ? 'mp3' : undefined;
}
