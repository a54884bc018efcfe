import type { TextCollector } from './answer-facts.js';

/** More is not kept: its tokens are estimated from its bytes. */
const maxKeptBytes = 64 * 1024;
/** OpenAI counts 20 tokens for a second of sound, and streams it as pcm16 at 24 kHz: 48,000 bytes, a third more in base64. */
const audioCharactersPerToken = 3_200;

/** The text of an answer, kept only so that its tokens can be counted should the provider report none. */
export class DeliveredText implements TextCollector {
  /** All bytes seen, kept or not. */
  totalBytes = 0;
  keptBytes = 0;
  private audioCharacters = 0;
  private kept = Buffer.alloc(0);

  append(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    this.totalBytes += length;
    if (this.keptBytes + length > maxKeptBytes) return;
    if (this.keptBytes + length > this.kept.length) this.grow(this.keptBytes + length);
    const { kept } = this;
    let at = this.keptBytes;
    // Tokens are a few bytes long: a loop is faster than a call into the runtime.
    for (let index = start; index < end; index++) kept[at++] = bytes[index] as number;
    this.keptBytes = at;
  }

  appendAudio(length: number): void {
    this.audioCharacters += length;
  }

  /** Of sound, roughly: nobody but the provider knows. */
  get audioTokens(): number {
    return Math.ceil(this.audioCharacters / audioCharactersPerToken);
  }

  get isEmpty(): boolean {
    return this.totalBytes === 0 && this.audioCharacters === 0;
  }

  /** False when some of it was too much to keep. */
  get complete(): boolean {
    return this.keptBytes === this.totalBytes;
  }

  /** What was kept, unescaped. Escapes cut between two events are whole again, since the pieces are joined. */
  toString(): string {
    const escaped = this.kept.toString('utf8', 0, this.keptBytes);
    try {
      return JSON.parse(`"${escaped}"`) as string;
    } catch {
      // Only an upstream's half escape at the very end gets here; counting tokens survives a backslash.
      return escaped;
    }
  }

  private grow(needed: number): void {
    const larger = Buffer.allocUnsafe(Math.max(needed, this.kept.length * 2, 256));
    this.kept.copy(larger, 0, 0, this.keptBytes);
    this.kept = larger;
  }
}
