import { contentWords, isInstruction, stemOf } from '../skills/sentences.js';

type Kind = 'place' | 'person' | 'email' | 'url' | 'date' | 'sum' | 'whole' | 'any';

/** What a parameter's name says about its value; the first that fits. */
const kindsByName: readonly (readonly [RegExp, Kind])[] = [
  [/mail/i, 'email'],
  [/url|uri|link|website/i, 'url'],
  [/date|day|when|deadline/i, 'date'],
  [/city|cities|location|place|destination|origin|country|where|address|region|town|departure|arrival/i, 'place'],
  [/name|person|user|author|who|recipient|contact|customer/i, 'person'],
  [/expression|formula|equation/i, 'sum'],
  [/query|question|text|prompt|message|content|search|body|term|request|description|summary|input/i, 'whole'],
];

const sentenceStart = /(?:^|[.!?:]\s+|\n)$/;
const longestWhole = 200;
const datePattern = /\b\d{4}-\d{2}-\d{2}\b/g;

/** Words of a message that could be arguments: a stand-in for understanding it. */
export class TextHints {
  private readonly found: Readonly<Record<Kind, readonly string[]>>;
  private readonly numbers: readonly number[];
  private readonly stems: ReadonlySet<string>;
  private readonly used = new Set<string | number>();

  /** `focus`: the entity that this call is about, where a message asks for several. */
  constructor(
    private readonly text: string,
    focus?: string,
  ) {
    const all = (pattern: RegExp): string[] => Array.from(text.matchAll(pattern), (match) => match[1] ?? match[0]);
    const nouns = properNouns(text);
    const places = all(/\b(?:in|at|for|near|to|from|of)\s+(\p{Ll}[\p{L}-]{2,30})/gu).filter(
      (word) => contentWords(word).length > 0,
    );
    const quoted = all(/["“'`]([^"”'`\n]{1,200})["”'`](?!\p{L})/gu);
    const whole = [text.trim().slice(0, longestWhole)];
    const first = focus === undefined ? [] : [focus];
    this.found = {
      place: [...first, ...nouns.toSorted(byPreposition(text)), ...quoted, ...places],
      person: [...first, ...quoted, ...nouns],
      email: all(/[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}/g),
      url: all(/https?:\/\/[^\s"'<>)]{1,500}/g),
      date: all(datePattern),
      sum: [...quoted, ...all(/[\d(][\d\s.()+*/^×÷-]{1,100}[\d)]/g), ...whole],
      whole: [...first, ...quoted, ...whole],
      any: [...first, ...quoted, ...nouns],
    };
    const undated = text.replaceAll(datePattern, ' ');
    this.numbers = Array.from(undated.matchAll(/(?<![\w.])-?\d{1,15}(?:\.\d{1,9})?(?!\w|\.\d)/g), ([number]) =>
      Number(number),
    );
    this.stems = new Set(contentWords(text).map(stemOf));
  }

  /** Texts for a parameter of this name that are not used yet, the likeliest first. */
  textsFor(name: string): string[] {
    const kind = kindsByName.find(([pattern]) => pattern.test(name))?.[1] ?? 'any';
    return this.fresh(this.found[kind]);
  }

  numbersFor(): number[] {
    return this.fresh(this.numbers);
  }

  /** A value that became an argument is not offered again. */
  use(value: string | number): void {
    this.used.add(value);
  }

  /** Whether the message has this word, or these words, and they are not used yet. */
  mentions(value: string): boolean {
    if (this.used.has(value)) return false;
    const words = contentWords(value.replaceAll(/[_-]/g, ' '));
    return words.length > 0 && words.every((word) => this.stems.has(stemOf(word)));
  }

  /** What the message wants to have named: `with the keys "name" and "age"`. */
  get quotedNames(): string[] {
    return Array.from(this.text.matchAll(/["`']([A-Za-z_]\w{0,40})["`']/g), (match) => match[1] ?? '');
  }

  private fresh<T extends string | number>(list: readonly T[]): T[] {
    return list.filter((value) => !this.used.has(value));
  }
}

/** "in Lyon" is a place before "Chez Ada" is one; otherwise the order stays. */
function byPreposition(text: string): (left: string, right: string) => number {
  const rank = (noun: string): number => {
    const at = text.indexOf(noun);
    return /\b(?:in|near|to|from|for|of)\s+$/.test(text.slice(Math.max(0, at - 8), at)) ? 0 : 1;
  };
  return (left, right) => rank(left) - rank(right);
}

/** Capitalised words in a row: `San Francisco`, `Paris`. One that begins a sentence may be no name and comes last. */
export function properNouns(text: string): string[] {
  const sure: string[] = [];
  const unsure: string[] = [];
  for (const match of text.matchAll(/\p{Lu}[\p{L}'’-]{1,40}(?:[ ]\p{Lu}[\p{L}'’-]{0,40}){0,4}(?:, \p{Lu}{2}\b)?/gu)) {
    const starts = sentenceStart.test(text.slice(Math.max(0, match.index - 3), match.index));
    const words = match[0]
      .replace(/['’]s$/, '')
      .split(' ')
      .filter((word, index) => index === 0 || word !== 'I');
    if (starts) {
      const [first = '', ...rest] = words;
      if (rest.length > 0) sure.push(rest.join(' '));
      else if (contentWords(first.replace(/['’].*$/, '')).length > 0 && !isInstruction(first)) unsure.push(first);
    } else sure.push(words.join(' '));
  }
  return [...new Set([...sure, ...unsure])];
}
