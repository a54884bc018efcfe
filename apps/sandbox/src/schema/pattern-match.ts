import { type PatternNode, UnsupportedPattern } from './pattern.js';

// Far above what any sane schema needs; a caller's pattern must not stop the server.
const mostSteps = 400_000;

/** Whether a pattern is found in a text: all positions advance together, so no pattern takes exponential time. */
export function matchesPattern(pattern: PatternNode, text: string): boolean {
  const matcher = new Matcher(Array.from(text));
  return matcher.everywhere(pattern);
}

class Matcher {
  private steps = 0;

  constructor(private readonly characters: readonly string[]) {}

  everywhere(pattern: PatternNode): boolean {
    const starts = new Set<number>();
    for (let position = 0; position <= this.characters.length; position++) starts.add(position);
    return this.ends(pattern, starts).size > 0;
  }

  /** Where a match may end that starts at one of these positions. */
  private ends(node: PatternNode, starts: ReadonlySet<number>): Set<number> {
    this.steps += starts.size + 1;
    if (this.steps > mostSteps) throw new UnsupportedPattern('too costly');
    switch (node.kind) {
      case 'character':
        return this.keep(starts, (at) => (this.accepts(node, at) ? at + 1 : undefined));
      case 'sequence':
        return this.sequence(node.nodes, starts);
      case 'choice': {
        const all = new Set<number>();
        for (const option of node.options) for (const end of this.ends(option, starts)) all.add(end);
        return all;
      }
      case 'repeat':
        return this.repeat(node, starts);
      case 'look':
        return this.keep(starts, (at) =>
          this.ends(node.node, new Set([at])).size > 0 === node.negated ? undefined : at,
        );
      case 'start':
        return this.keep(starts, (at) => (at === 0 ? at : undefined));
      case 'end':
        return this.keep(starts, (at) => (at === this.characters.length ? at : undefined));
      case 'boundary':
        return this.keep(starts, (at) => (this.isBoundary(at) ? at : undefined));
      case 'no-boundary':
        return this.keep(starts, (at) => (this.isBoundary(at) ? undefined : at));
      default:
        return node satisfies never;
    }
  }

  private sequence(nodes: readonly PatternNode[], starts: ReadonlySet<number>): Set<number> {
    let current = new Set(starts);
    for (const node of nodes) {
      if (current.size === 0) return current;
      current = this.ends(node, current);
    }
    return current;
  }

  private repeat(node: PatternNode & { kind: 'repeat' }, starts: ReadonlySet<number>): Set<number> {
    let current = new Set(starts);
    for (let round = 0; round < node.from && current.size > 0; round++) current = this.ends(node.node, current);
    const all = new Set(current);
    for (let round = node.from; round < node.to && current.size > 0; round++) {
      const next = new Set<number>();
      for (const end of this.ends(node.node, current)) if (!all.has(end)) next.add(end);
      for (const end of next) all.add(end);
      current = next;
    }
    return all;
  }

  private keep(starts: ReadonlySet<number>, step: (at: number) => number | undefined): Set<number> {
    const result = new Set<number>();
    for (const at of starts) {
      const end = step(at);
      if (end !== undefined) result.add(end);
    }
    return result;
  }

  private accepts(node: PatternNode & { kind: 'character' }, at: number): boolean {
    const character = this.characters[at];
    return character !== undefined && node.test(character);
  }

  private isBoundary(at: number): boolean {
    const isWord = (character: string | undefined): boolean => character !== undefined && /^\w$/.test(character);
    return isWord(this.characters[at - 1]) !== isWord(this.characters[at]);
  }
}
