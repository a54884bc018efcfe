import { createGunzip } from 'node:zlib';
import { GatewayError } from '#libs/contracts';
import type { PieceList } from './piece-list.js';

/** Unpacks a gzipped body into `pieces`, and stops at the first piece that has no room there. */
export function inflate(
  body: Buffer,
  pieces: PieceList,
  done: (error: GatewayError | null, decoded?: Buffer) => void,
): void {
  const gunzip = createGunzip({ chunkSize: 64 * 1024 });
  let over = false;
  const finish = (error: GatewayError | null): void => {
    if (over) return;
    over = true;
    const decoded = error ? undefined : pieces.join();
    pieces.clear();
    gunzip.destroy();
    done(error, decoded);
  };
  gunzip.on('data', (piece: Buffer) => {
    const problem = over ? undefined : pieces.add(piece);
    if (problem) finish(problem);
  });
  gunzip.once('end', () => finish(null));
  gunzip.once('error', () => finish(new GatewayError('invalid_encoding', 'The body is not valid gzip.')));
  gunzip.end(body);
}
