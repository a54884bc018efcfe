import { hashOf, Random } from './random.js';
import type { Tokenizer } from './token-count.js';

interface Likelihood {
  readonly token: string;
  readonly logprob: number;
  readonly bytes: number[];
}

export interface TokenLogprob extends Likelihood {
  readonly top_logprobs: Likelihood[];
}

/** Text between two points where no character is cut, and the tokens that make it. */
export interface TokenPiece {
  readonly text: string;
  readonly logprobs: TokenLogprob[];
}

const alternatives = ' the| a| and| of| to| in| is| that| for| it| as| with| on| this| be| by| from| or| at| an'.split(
  '|',
);

/** Cuts tokens into pieces of whole characters and invents a likelihood for each token. */
export function tokenPieces(tokens: readonly number[], top: number, tokenizer: Tokenizer): TokenPiece[] {
  const pieces: TokenPiece[] = [];
  let logprobs: TokenLogprob[] = [];
  let bytes: Uint8Array = new Uint8Array();
  for (const [index, token] of tokens.entries()) {
    const own = tokenizer.bytesOf(token);
    logprobs.push(likelihoodOf(own, top, new Random(hashOf(token, index))));
    bytes = bytes.length === 0 ? own : Buffer.concat([bytes, own]);
    const text = wholeText(bytes);
    if (text === undefined) continue;
    pieces.push({ text, logprobs });
    logprobs = [];
    bytes = new Uint8Array();
  }
  // An answer cut by max_tokens may end inside a character; its tokens count all the same.
  if (logprobs.length > 0) pieces.push({ text: new TextDecoder().decode(bytes, { stream: true }), logprobs });
  return pieces;
}

/** Undefined: the last character is not complete. */
function wholeText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function likelihoodOf(bytes: Uint8Array, top: number, random: Random): TokenLogprob {
  let logprob = -(random.next() ** 3);
  const chosen = { token: tokenText(bytes), logprob, bytes: [...bytes] };
  const list: Likelihood[] = [chosen];
  for (const token of alternatives) {
    if (list.length >= top) break;
    if (token === chosen.token) continue;
    logprob -= 0.5 + random.next();
    list.push({ token, logprob, bytes: [...Buffer.from(token)] });
  }
  return { ...chosen, top_logprobs: list.slice(0, top) };
}

/** A token that is only a part of a character is written as OpenAI writes it: `bytes:\xf0\x9f`. */
function tokenText(bytes: Uint8Array): string {
  const escaped = Array.from(bytes, (byte) => `\\x${byte.toString(16).padStart(2, '0')}`);
  return wholeText(bytes) ?? `bytes:${escaped.join('')}`;
}
