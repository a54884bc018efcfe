import type { Random } from '../random.js';
import { parsePattern, type PatternNode, UnsupportedPattern } from './pattern.js';
import { matchesPattern } from './pattern-match.js';

export interface LengthRange {
  readonly minLength: number;
  readonly maxLength: number;
}

// How many more than the fewest repetitions are allowed, attempt by attempt.
const generosity = [2, 2, 0, 1, 3, 6, 6, 12, 12, 25, 25, 50, 100, 250, 1_000, 5_000];
const longestSample = 20_000;

/** A text that a pattern accepts and that has the right length, or undefined where none was found. */
export function samplePattern(source: string, range: LengthRange, random: Random): string | undefined {
  let pattern: PatternNode;
  try {
    pattern = parsePattern(source);
  } catch (error) {
    if (error instanceof UnsupportedPattern) return undefined;
    throw error;
  }
  for (const extra of generosity) {
    const sample = trySample(pattern, extra, random);
    if (sample === undefined) continue;
    for (const candidate of [sample, ...padded(sample, range.minLength)]) {
      if (fits(candidate, range) && accepts(pattern, candidate)) return candidate;
    }
  }
  return undefined;
}

function padded(sample: string, minLength: number): string[] {
  const missing = minLength - Array.from(sample).length;
  return missing <= 0 || missing > longestSample ? [] : [sample + 'x'.repeat(missing), 'x'.repeat(missing) + sample];
}

function fits(text: string, range: LengthRange): boolean {
  const length = Array.from(text).length;
  return length >= range.minLength && length <= range.maxLength;
}

function accepts(pattern: PatternNode, text: string): boolean {
  try {
    return matchesPattern(pattern, text);
  } catch (error) {
    if (error instanceof UnsupportedPattern) return false;
    throw error;
  }
}

function trySample(pattern: PatternNode, extra: number, random: Random): string | undefined {
  try {
    return new Sampler(extra, random).sample(pattern);
  } catch (error) {
    if (error instanceof UnsupportedPattern) return undefined;
    throw error;
  }
}

const letters = Array.from('abcdefghijklmnopqrstuvwxyz');
const digits = Array.from('0123456789');
const capitals = Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZ');
// Letters first where they fit: a sample should look like a word.
const ranked: readonly (readonly string[])[] = [
  letters,
  digits,
  capitals,
  Array.from('-_.,:;!?@#/+*=%&\'"()[]{}<>|~^$` \\'),
  Array.from('éßñøłжЖщδΔא中文あア한🙂\n\t'),
];

class Sampler {
  private length = 0;

  constructor(
    private readonly extra: number,
    private readonly random: Random,
  ) {}

  sample(node: PatternNode): string {
    switch (node.kind) {
      case 'character':
        if (++this.length > longestSample) throw new UnsupportedPattern('sample too long');
        return this.character(node);
      case 'sequence':
        return node.nodes.map((part) => this.sample(part)).join('');
      case 'choice': {
        const option = this.random.pick(node.options);
        return option === undefined ? '' : this.sample(option);
      }
      case 'repeat': {
        if (node.from > longestSample) throw new UnsupportedPattern('sample too long');
        const rounds = node.from + this.random.integer(0, Math.max(0, Math.min(this.extra, node.to - node.from)));
        let text = '';
        for (let round = 0; round < rounds; round++) text += this.sample(node.node);
        return text;
      }
      case 'look':
      case 'start':
      case 'end':
      case 'boundary':
      case 'no-boundary':
        return '';
      default:
        return node satisfies never;
    }
  }

  private character(node: PatternNode & { kind: 'character' }): string {
    if (Array.from(node.source).length === 1 && node.source !== '.') return node.source;
    const groups = ranked
      .map((group) => group.filter((candidate) => node.test(candidate)))
      .filter((group) => group.length > 0);
    // Mostly the best group; sometimes another, since a look-ahead may ask for a digit or a capital.
    const group = this.random.chance(0.6) ? groups[0] : this.random.pick(groups.slice(0, 4));
    const found =
      this.random.pick(group ?? []) ?? charactersNamedIn(node.source).find((candidate) => node.test(candidate));
    if (found === undefined) throw new UnsupportedPattern(`no character for ${node.source}`);
    return found;
  }
}

/** `[а-я]` and `[\u0600-\u06FF]` name their ends. */
function charactersNamedIn(source: string): string[] {
  const escaped = source.matchAll(/\\u\{?([0-9A-Fa-f]{4,6})\}?|\\x([0-9A-Fa-f]{2})/g);
  const points = Array.from(escaped, ([, long, short]) => Number.parseInt(long ?? short ?? '0', 16));
  return [
    ...points.filter((point) => point <= 0x10ffff).map((point) => String.fromCodePoint(point)),
    ...Array.from(source),
  ];
}
