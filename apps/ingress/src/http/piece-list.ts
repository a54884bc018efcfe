import { GatewayError } from '#libs/contracts';
import type { BodyShare } from './body-budget.js';
import { readableSize } from './readable-size.js';

/** What a buffer costs beside its bytes: a body sent byte by byte holds much more than its length. */
const pieceOverhead = 256;

/** The pieces of a body, bounded: by a limit of its own and by its share of the budget. */
export class PieceList {
  private readonly pieces: Buffer[] = [];
  private length = 0;

  constructor(
    private readonly limit: number,
    private readonly share: BodyShare,
    /** Held beside the pieces: what they are made from. */
    private readonly beside = 0,
  ) {}

  /** What is wrong when the piece has no room. */
  add(piece: Buffer): GatewayError | undefined {
    this.length += piece.length;
    if (this.length > this.limit) return tooLarge(this.limit);
    const held = this.beside + this.length + (this.pieces.length + 1) * pieceOverhead;
    if (!this.share.hold(held)) {
      return new GatewayError('overloaded', 'Too many large requests at once. Retry in a moment.');
    }
    this.pieces.push(piece);
    return undefined;
  }

  /** All of it as one; from then on only that is held. */
  join(): Buffer {
    const [only] = this.pieces;
    const whole = only && this.pieces.length === 1 ? only : Buffer.concat(this.pieces, this.length);
    this.clear();
    this.share.hold(whole.length);
    return whole;
  }

  clear(): void {
    this.pieces.length = 0;
  }
}

export function tooLarge(limit: number): GatewayError {
  return new GatewayError('request_too_large', `The request body is larger than ${readableSize(limit)}. Send less.`);
}
