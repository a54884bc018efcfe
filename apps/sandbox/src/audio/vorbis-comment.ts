/** A comment block of FLAC and Opus: who made it, and one comment. */
export function vorbisComment(comment: string): Buffer {
  return Buffer.concat([field('ModAPI sandbox'), length(1), field(`COMMENT=${comment}`)]);
}

function field(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([length(bytes.length), bytes]);
}

function length(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
