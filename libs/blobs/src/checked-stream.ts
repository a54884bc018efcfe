import { createHash } from 'node:crypto';
import { pipeline, type Readable, Transform } from 'node:stream';

/** Passes a whole file on and breaks off before its end if it is not what was stored: half a picture is seen to be one. */
export function checkedStream(source: Readable, sha256: string): Readable {
  const hash = createHash('sha256');
  let last: Buffer | undefined;
  const check = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      const before = last;
      last = chunk;
      done(null, before);
    },
    flush(done) {
      if (hash.digest('base64url') === sha256) done(null, last);
      else done(new Error('a stored file differs from its checksum'));
    },
  });
  // Whoever reads is told by the stream itself.
  pipeline(source, check, () => undefined);
  return check;
}
