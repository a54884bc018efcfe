import type { Usage } from '#libs/contracts';
import type { NoAnswer } from './chat-answer.js';
import { imageUsageOf } from './image-usage.js';
import { JsonScanner, type MemberVisitor, valueAt } from './json-scan.js';

const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;

/** A member of an entry of `data`, by its place in the answer. */
export interface ImageMember {
  /** Of the key's opening quote. */
  readonly start: number;
  /** Of the value, quotes included. */
  readonly valueStart: number;
  readonly end: number;
}

/** One image of an answer: its bytes in base64, or where they are. */
export interface AnsweredImage {
  readonly b64?: ImageMember;
  readonly url?: ImageMember;
}

/** A whole image answer: where its images are, and what the meter wants to know. Nothing of the images is copied. */
export interface ImageAnswer {
  readonly kind: 'answer';
  readonly images: readonly AnsweredImage[];
  readonly usage: Usage | undefined;
  readonly usageDisbelieved: boolean;
  /** As the provider says it made them; undefined: it does not say. */
  readonly size: string | undefined;
  readonly quality: string | undefined;
  readonly outputFormat: string | undefined;
  readonly background: string | undefined;
}

/** Reads a body that came with status 200: megabytes of base64 are walked over once and never parsed. */
export function readImageAnswer(bytes: Buffer): ImageAnswer | NoAnswer {
  const facts = new ImageFacts(bytes);
  const end = new JsonScanner(facts).scan(bytes, 0, bytes.length);
  if (end < 0 || bytes.subarray(end).some((byte) => byte > 0x20)) return { kind: 'garbled' };
  const error = facts.valueOf('error');
  if (error !== undefined) return { kind: 'error', error };
  const images = facts.entries.filter(({ b64, url }) => b64 ?? url);
  if (images.length === 0) return { kind: 'garbled' };
  const reported = facts.valueOf('usage');
  const usage = imageUsageOf(reported);
  return {
    kind: 'answer',
    images,
    usage,
    usageDisbelieved: reported !== undefined && usage === undefined,
    size: facts.textOf('size'),
    quality: facts.textOf('quality'),
    outputFormat: facts.textOf('output_format'),
    background: facts.textOf('background'),
  };
}

/** The text of a string member. */
export function memberText(bytes: Buffer, { valueStart, end }: ImageMember): string {
  return JSON.parse(bytes.toString('utf8', valueStart, end)) as string;
}

/** The base64 of a member without its quotes; a view. */
export function memberBase64(bytes: Buffer, { valueStart, end }: ImageMember): Buffer {
  return bytes.subarray(valueStart + 1, end - 1);
}

class ImageFacts implements MemberVisitor {
  readonly entries: { b64?: ImageMember; url?: ImageMember }[] = [];
  private readonly envelope = new Map<string, number>();
  private inData = false;

  constructor(private readonly bytes: Buffer) {}

  member(depth: number, keyStart: number, keyEnd: number, valueStart: number): void {
    // `data` is depth 2, its objects are depth 3.
    if (depth === 3 && this.inData) this.entryMember(keyStart, keyEnd, valueStart);
    if (depth !== 1) return;
    const key = this.bytes.toString('latin1', keyStart, keyEnd);
    this.inData = key === 'data';
    // Null says nothing.
    if (this.bytes[valueStart] !== 0x6e) this.envelope.set(key, valueStart);
  }

  valueOf(key: string): unknown {
    const start = this.envelope.get(key);
    return start === undefined ? undefined : valueAt(this.bytes, start, this.bytes.length);
  }

  textOf(key: string): string | undefined {
    const start = this.envelope.get(key);
    if (start === undefined || this.bytes[start] !== quote) return undefined;
    const end = endOfString(this.bytes, start);
    return end - start > 66 ? undefined : (JSON.parse(this.bytes.toString('utf8', start, end)) as string);
  }

  private entryMember(keyStart: number, keyEnd: number, valueStart: number): void {
    const { bytes, entries } = this;
    let before = keyStart - 2;
    while ((bytes[before] as number) <= 0x20) before--;
    if (bytes[before] === openBrace) entries.push({});
    const key = bytes.toString('latin1', keyStart, keyEnd);
    if ((key !== 'b64_json' && key !== 'url') || bytes[valueStart] !== quote || bytes[valueStart + 1] === quote) return;
    const end = endOfString(bytes, valueStart);
    const entry = entries.at(-1);
    if (end > 0 && entry) entry[key === 'url' ? 'url' : 'b64'] = { start: keyStart - 1, valueStart, end };
  }
}

/** The index after the closing quote, or -1; many times faster over base64 than a look at each byte. */
function endOfString(bytes: Buffer, start: number): number {
  for (let at = bytes.indexOf(quote, start + 1); at >= 0; at = bytes.indexOf(quote, at + 1)) {
    let escapes = 0;
    while (bytes[at - 1 - escapes] === backslash) escapes++;
    if (escapes % 2 === 0) return at + 1;
  }
  return -1;
}
