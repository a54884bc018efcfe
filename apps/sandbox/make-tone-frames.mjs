// Makes src/audio/tone-frames.json: one encoded frame per tone and format, so that the sandbox can speak in MP3, AAC and
// Opus without an encoder. Needs ffmpeg with libmp3lame and libopus; run by hand: node apps/sandbox/make-tone-frames.mjs
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Hertz, about; a pentatonic scale. Each format takes the nearest whole number of cycles per frame. */
const scale = [262, 294, 330, 392, 440, 523, 587, 659];
const formats = {
  // No bit reservoir: every frame stands alone. MPEG-2 layer III, 24 kHz: 576 samples a frame.
  mp3: {
    rate: 24_000,
    samples: 576,
    flags: [
      '-c:a',
      'libmp3lame',
      '-b:a',
      '64k',
      '-reservoir',
      '0',
      '-write_xing',
      '0',
      '-id3v2_version',
      '0',
      '-f',
      'mp3',
    ],
    split: splitMp3,
    pick: steady,
  },
  aac: {
    rate: 24_000,
    samples: 1_024,
    flags: ['-c:a', 'aac', '-b:a', '48k', '-f', 'adts'],
    split: splitAdts,
    pick: steady,
  },
  // The first packet leans on nothing before it; the next ones lean on it.
  opus: {
    rate: 48_000,
    samples: 960,
    flags: ['-c:a', 'libopus', '-b:a', '48k', '-vbr', 'off', '-application', 'audio', '-f', 'ogg'],
    split: splitOgg,
    pick: (packets) => packets.slice(2, 6),
  },
};

function steady(frames) {
  return [frames[Math.floor(frames.length / 2)]];
}

function encode(hertz, { rate, flags }) {
  const source = hertz === 0 ? `anullsrc=r=${rate}:cl=mono` : `sine=frequency=${hertz}:sample_rate=${rate},volume=4`;
  const output = execFileSync(
    'ffmpeg',
    ['-v', 'error', '-f', 'lavfi', '-i', source, '-t', '2', '-ac', '1', '-ar', String(rate), ...flags, '-'],
    { maxBuffer: 1 << 24 },
  );
  return output;
}

function splitMp3(bytes) {
  const frames = [];
  for (let at = 0; at + 4 <= bytes.length;) {
    if (bytes[at] !== 0xff || (bytes[at + 1] & 0xe0) !== 0xe0) throw new Error(`no frame at ${at}`);
    const size = Math.floor((72 * 64_000) / 24_000) + ((bytes[at + 2] >> 1) & 1);
    frames.push(bytes.subarray(at, at + size));
    at += size;
  }
  return frames;
}

function splitAdts(bytes) {
  const frames = [];
  for (let at = 0; at + 7 <= bytes.length;) {
    const size = ((bytes[at + 3] & 3) << 11) | (bytes[at + 4] << 3) | (bytes[at + 5] >> 5);
    frames.push(bytes.subarray(at, at + size));
    at += size;
  }
  return frames;
}

/** All packets, the two headers first. */
function splitOgg(bytes) {
  const packets = [];
  const open = [];
  for (let at = 0; at < bytes.length;) {
    const segments = bytes[at + 26];
    let body = at + 27 + segments;
    for (let index = 0; index < segments; index++) {
      const size = bytes[at + 27 + index];
      open.push(bytes.subarray(body, body + size));
      body += size;
      if (size < 255) packets.push(Buffer.concat(open.splice(0)));
    }
    at = body;
  }
  return packets;
}

const made = {};
for (const [name, format] of Object.entries(formats)) {
  const frameRate = format.rate / format.samples;
  const tones = [0, ...scale].map((hertz) => Math.round(hertz / frameRate) * frameRate);
  made[name] = {
    sampleRate: format.rate,
    samplesPerFrame: format.samples,
    // The first is silence.
    tones: tones.map((hertz) =>
      format.pick(format.split(encode(hertz, format))).map((frame) => frame.toString('base64')),
    ),
  };
}
writeFileSync(join(import.meta.dirname, 'src', 'audio', 'tone-frames.json'), `${JSON.stringify(made, null, 1)}\n`);
console.log(
  Object.entries(made)
    .map(([name, { tones }]) => `${name}: ${tones.map((frames) => frames.map((frame) => frame.length)).join(' ')}`)
    .join('\n'),
);
