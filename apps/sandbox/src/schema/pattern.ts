/** A regular expression as a tree. Only what can be matched without backtracking is understood. */
export type PatternNode =
  | { readonly kind: 'character'; readonly source: string; test(character: string): boolean }
  | { readonly kind: 'sequence'; readonly nodes: readonly PatternNode[] }
  | { readonly kind: 'choice'; readonly options: readonly PatternNode[] }
  | { readonly kind: 'repeat'; readonly node: PatternNode; readonly from: number; readonly to: number }
  | { readonly kind: 'look'; readonly node: PatternNode; readonly negated: boolean }
  | { readonly kind: 'start' | 'end' | 'boundary' | 'no-boundary' };

/** Back-references, look-behind, flags, or too much of anything. */
export class UnsupportedPattern extends Error {
  constructor(reason: string) {
    super(`unsupported pattern: ${reason}`);
    this.name = 'UnsupportedPattern';
  }
}

const longestPattern = 4_000;
const deepestPattern = 60;

/** Parses the source of a regular expression as ECMAScript writes it (ECMA-262 §22.2). */
export function parsePattern(source: string): PatternNode {
  if (source.length > longestPattern) throw new UnsupportedPattern('too long');
  const parser = new PatternParser(source);
  const node = parser.choice(0);
  if (!parser.atEnd) throw new UnsupportedPattern('unbalanced parenthesis');
  return node;
}

/** Whether a pattern can be matched and sampled here. */
export function understands(source: string): boolean {
  try {
    parsePattern(source);
    return true;
  } catch (error) {
    if (error instanceof UnsupportedPattern) return false;
    throw error;
  }
}

class PatternParser {
  private position = 0;
  private readonly characters: readonly string[];

  constructor(source: string) {
    this.characters = Array.from(source);
  }

  get atEnd(): boolean {
    return this.position >= this.characters.length;
  }

  choice(depth: number): PatternNode {
    if (depth > deepestPattern) throw new UnsupportedPattern('too deep');
    const options = [this.sequence(depth)];
    while (this.take('|')) options.push(this.sequence(depth));
    return options.length === 1 && options[0] !== undefined ? options[0] : { kind: 'choice', options };
  }

  private sequence(depth: number): PatternNode {
    const nodes: PatternNode[] = [];
    while (!this.atEnd && this.peek() !== '|' && this.peek() !== ')') nodes.push(this.repeated(this.atom(depth)));
    return { kind: 'sequence', nodes };
  }

  private repeated(node: PatternNode): PatternNode {
    const range = this.quantifier();
    if (range === undefined) return node;
    this.take('?'); // a lazy quantifier accepts the same texts
    return { kind: 'repeat', node, from: range[0], to: range[1] };
  }

  private quantifier(): readonly [number, number] | undefined {
    if (this.take('*')) return [0, Number.POSITIVE_INFINITY];
    if (this.take('+')) return [1, Number.POSITIVE_INFINITY];
    if (this.take('?')) return [0, 1];
    if (this.peek() !== '{') return undefined;
    const braces = /^\{(\d{1,6})(,(\d{0,6}))?\}/.exec(this.ahead(16));
    if (braces === null) return undefined;
    this.position += braces[0].length;
    const from = Number(braces[1]);
    if (braces[2] === undefined) return [from, from];
    return [from, braces[3] === '' ? Number.POSITIVE_INFINITY : Number(braces[3])];
  }

  private atom(depth: number): PatternNode {
    const character = this.next();
    if (character === '^') return { kind: 'start' };
    if (character === '$') return { kind: 'end' };
    if (character === '(') return this.group(depth);
    if (character === '[') return this.characterClass();
    if (character === '.')
      return { kind: 'character', source: '.', test: (candidate) => !/[\n\r\u2028\u2029]/.test(candidate) };
    if (character === '\\') return this.escape();
    if (character === '*' || character === '+' || character === '?') throw new UnsupportedPattern('nothing to repeat');
    return literal(character);
  }

  private group(depth: number): PatternNode {
    let look: 'positive' | 'negative' | undefined;
    if (this.take('?')) {
      const kind = /^(?::|=|!|<[A-Za-z_$][\w$]*>)/.exec(this.ahead(100))?.[0];
      if (kind === undefined) throw new UnsupportedPattern('group of an unknown kind');
      this.position += kind.length;
      if (kind === '=') look = 'positive';
      if (kind === '!') look = 'negative';
    }
    const node = this.choice(depth + 1);
    if (!this.take(')')) throw new UnsupportedPattern('unbalanced parenthesis');
    return look === undefined ? node : { kind: 'look', node, negated: look === 'negative' };
  }

  private characterClass(): PatternNode {
    const start = this.position - 1;
    this.take('^');
    while (!this.atEnd && this.peek() !== ']') {
      if (this.next() === '\\') this.next();
    }
    if (!this.take(']')) throw new UnsupportedPattern('unbalanced bracket');
    return oneCharacter(this.characters.slice(start, this.position).join(''));
  }

  private escape(): PatternNode {
    const character = this.next();
    if (character === 'b') return { kind: 'boundary' };
    if (character === 'B') return { kind: 'no-boundary' };
    if (/[1-9k]/.test(character)) throw new UnsupportedPattern('back-reference');
    const longer = /^(?:u\{[0-9A-Fa-f]{1,6}\}|u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|[pP]\{[\w=]{1,60}\}|c[A-Za-z])/;
    const rest = longer.exec(character + this.ahead(70))?.[0] ?? character;
    this.position += rest.length - character.length;
    return /^[\w]/.test(rest) ? oneCharacter(`\\${rest}`) : literal(character);
  }

  private peek(): string | undefined {
    return this.characters[this.position];
  }

  private next(): string {
    const character = this.characters[this.position];
    if (character === undefined) throw new UnsupportedPattern('it ends too early');
    this.position++;
    return character;
  }

  private take(character: string): boolean {
    if (this.peek() !== character) return false;
    this.position++;
    return true;
  }

  private ahead(length: number): string {
    return this.characters.slice(this.position, this.position + length).join('');
  }
}

function literal(character: string): PatternNode {
  return { kind: 'character', source: character, test: (candidate) => candidate === character };
}

/** A class or an escape that stands for one character: the engine's own test on one character cannot blow up. */
function oneCharacter(source: string): PatternNode {
  const expression = compile(`^${source}$`);
  return { kind: 'character', source, test: (candidate) => expression.test(candidate) };
}

function compile(source: string): RegExp {
  // Strict mode refuses needless escapes such as [\_], which many schemas hold.
  for (const flags of ['u', '']) {
    try {
      return new RegExp(source, flags);
    } catch {
      continue;
    }
  }
  throw new UnsupportedPattern(`class ${source}`);
}
