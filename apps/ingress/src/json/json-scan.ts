import { randomInt } from 'node:crypto';
import * as json from './json-bytes.js';
import { type KeyBytes, KeyTable, maxKeys } from './key-table.js';

export const maxDepth = 64;
export const maxValues = 200_000;

/** Why a document is refused, and where. */
export interface ScanProblem {
  readonly code:
    | 'json_too_deep'
    | 'json_too_complex'
    | 'duplicate_key'
    | 'forbidden_key'
    | 'invalid_encoding'
    | 'invalid_json';
  readonly offset: number;
}

/** Byte ranges of two values at the top level; -1 where there is none. */
export interface TopLevelSpans {
  modelStart: number;
  modelEnd: number;
  streamOptionsStart: number;
  streamOptionsEnd: number;
}

const other = 0;
const kinds = new Uint8Array(256);
const [quoteKind, commaKind, colonKind, openKind, closeKind] = [1, 2, 3, 4, 5];
kinds[json.quote] = quoteKind;
kinds[json.comma] = commaKind;
kinds[json.colon] = colonKind;
kinds[json.openObject] = openKind;
kinds[json.openArray] = openKind;
kinds[json.closeObject] = closeKind;
kinds[json.closeArray] = closeKind;

/** Strings up to here are walked; the end of longer ones is found by memchr. */
const shortString = 48;
const text = (word: string): Uint8Array => Buffer.from(word);
const [modelKey, streamOptionsKey] = [text('model'), text('stream_options')];
const [protoKey, constructorKey, prototypeKey] = [text('__proto__'), text('constructor'), text('prototype')];

/**
 * One pass over the bytes before JSON.parse: what JSON.parse would accept and must not be (depth, size, duplicate and
 * forbidden keys, half characters), and where two values stand. It judges valid JSON only: what it lets pass may still
 * be no JSON, and JSON.parse says so. No recursion, no allocation; one instance serves one scan at a time.
 */
export class JsonScanner {
  readonly spans: TopLevelSpans = { modelStart: -1, modelEnd: -1, streamOptionsStart: -1, streamOptionsEnd: -1 };
  private bytes: Buffer = Buffer.alloc(0);
  private end = 0;
  private depth = 0;
  private values = 0;
  private objects = 0;
  private expectsKey = false;
  /** The value that comes next belongs to a key `constructor`. */
  private afterConstructor = false;
  private trackedKey: 'model' | 'stream_options' | undefined;
  private nextBackslash = -1;
  private problem: ScanProblem | undefined;
  private keyProblem: ScanProblem['code'] = 'duplicate_key';
  private readonly isObject = new Uint8Array(maxDepth + 1);
  private readonly objectIds = new Int32Array(maxDepth + 1);
  private readonly isConstructor = new Uint8Array(maxDepth + 1);
  private readonly keys = new KeyTable();
  /** The key under the cursor. */
  private readonly current: KeyBytes = { source: this.bytes, start: 0, end: 0 };
  // Unknown to whoever writes the document, so that collisions cannot be prepared.
  private readonly seed = randomInt(0x7fffffff);

  scan(bytes: Buffer): ScanProblem | undefined {
    this.reset(bytes);
    const { end } = this;
    let at = 0;
    while (at >= 0 && at < end) {
      const kind = kinds[bytes[at] as number];
      if (kind === other) at++;
      else if (kind === quoteKind) at = this.expectsKey ? this.key(at) : this.string(at + 1);
      else at = this.structure(kind as number, at);
    }
    return this.problem;
  }

  private reset(bytes: Buffer): void {
    this.bytes = bytes;
    this.end = bytes.length;
    this.depth = 0;
    this.values = 0;
    this.objects = 0;
    this.expectsKey = false;
    this.afterConstructor = false;
    this.trackedKey = undefined;
    this.nextBackslash = -1;
    this.problem = undefined;
    this.isObject[0] = 0;
    this.keys.reset();
    const { spans } = this;
    spans.modelStart = spans.modelEnd = spans.streamOptionsStart = spans.streamOptionsEnd = -1;
  }

  private structure(kind: number, at: number): number {
    if (kind === colonKind) return this.colon(at);
    if (kind === openKind) return this.open(at);
    if (kind === closeKind) return this.close(at);
    if (++this.values > maxValues) return this.refuse('json_too_complex', at);
    this.endTracked(at);
    this.afterConstructor = false;
    this.expectsKey = this.isObject[this.depth] === 1;
    return at + 1;
  }

  private open(at: number): number {
    if (this.depth === maxDepth) return this.refuse('json_too_deep', at);
    if (++this.values > maxValues) return this.refuse('json_too_complex', at);
    const depth = ++this.depth;
    const isObject = this.bytes[at] === json.openObject ? 1 : 0;
    this.isObject[depth] = isObject;
    this.expectsKey = isObject === 1;
    this.objectIds[depth] = ++this.objects;
    this.isConstructor[depth] = isObject === 1 && this.afterConstructor ? 1 : 0;
    this.afterConstructor = false;
    return at + 1;
  }

  private close(at: number): number {
    if (this.depth === 0) return this.refuse('invalid_json', at);
    this.endTracked(at);
    this.depth--;
    this.expectsKey = false;
    return at + 1;
  }

  private colon(at: number): number {
    if (this.trackedKey === undefined || this.depth !== 1) return at + 1;
    let start = at + 1;
    while (json.isWhiteSpace(this.bytes[start])) start++;
    if (this.trackedKey === 'model') this.spans.modelStart = start;
    else this.spans.streamOptionsStart = start;
    return start;
  }

  private endTracked(at: number): void {
    if (this.trackedKey === undefined || this.depth !== 1) return;
    let end = at;
    while (json.isWhiteSpace(this.bytes[end - 1])) end--;
    if (this.trackedKey === 'model') this.spans.modelEnd = end;
    else this.spans.streamOptionsEnd = end;
    this.trackedKey = undefined;
  }

  /** `from` is behind the opening quote; the position behind the closing one. */
  private string(from: number): number {
    const { bytes } = this;
    const near = Math.min(from + shortString, this.end);
    let at = from;
    for (; at < near; at++) {
      const byte = bytes[at];
      if (byte === json.quote) return at + 1;
      if (byte === json.backslash) return this.escapedString(at);
    }
    const close = bytes.indexOf(json.quote, at);
    if (close < 0) return this.refuse('invalid_json', from);
    // Kept between strings, so that a document with few escapes is not searched again and again.
    if (this.nextBackslash < at) {
      const next = bytes.indexOf(json.backslash, at);
      this.nextBackslash = next < 0 ? this.end : next;
    }
    return this.nextBackslash < close ? this.escapedString(this.nextBackslash) : close + 1;
  }

  private escapedString(at: number): number {
    const after = json.endOfString(this.bytes, at, this.end);
    if (after >= 0) return after;
    return this.refuse(after === json.loneSurrogate ? 'invalid_encoding' : 'invalid_json', at);
  }

  private key(at: number): number {
    const { bytes, end } = this;
    this.expectsKey = false;
    let hash = this.seed ^ (this.objectIds[this.depth] as number);
    for (let cursor = at + 1; cursor < end; cursor++) {
      const byte = bytes[cursor] as number;
      if (byte === json.quote) {
        return this.note(bytes, at + 1, cursor, hash) ? cursor + 1 : this.refuseKey(at);
      }
      if (byte === json.backslash) return this.escapedKey(at, cursor);
      hash = Math.imul(hash ^ byte, 0x01000193);
    }
    return this.refuse('invalid_json', at);
  }

  /** `"\u006dodel"` is the key `model`: compared as what JSON.parse will make of it. */
  private escapedKey(at: number, escape: number): number {
    const after = this.escapedString(escape);
    if (after < 0) return after;
    let source: Buffer;
    try {
      source = Buffer.from(JSON.parse(this.bytes.toString('utf8', at, after)) as string);
    } catch {
      return this.refuse('invalid_json', at);
    }
    let hash = this.seed ^ (this.objectIds[this.depth] as number);
    for (const byte of source) hash = Math.imul(hash ^ byte, 0x01000193);
    return this.note(source, 0, source.length, hash) ? after : this.refuseKey(at);
  }

  /** False when the key is refused; `keyProblem` says why. */
  private note(source: Uint8Array, start: number, end: number, hash: number): boolean {
    const key = this.current;
    key.source = source;
    key.start = start;
    key.end = end;
    const length = end - start;
    this.keyProblem = 'json_too_complex';
    if (this.keys.size === maxKeys) return false;
    this.afterConstructor = length === 11 && equals(key, constructorKey);
    if (length === 9 && this.isForbidden(key)) {
      this.keyProblem = 'forbidden_key';
      return false;
    }
    if (this.depth === 1) this.track(key, length);
    const mixed = hash ^ (hash >>> 15);
    const result = this.keys.add(mixed, this.objectIds[this.depth] as number, key, this.bytes);
    if (result === 'duplicate') this.keyProblem = 'duplicate_key';
    return result === 'added';
  }

  private refuseKey(at: number): -1 {
    return this.refuse(this.keyProblem, at);
  }

  private isForbidden(key: KeyBytes): boolean {
    return equals(key, protoKey) || (this.isConstructor[this.depth] === 1 && equals(key, prototypeKey));
  }

  private track(key: KeyBytes, length: number): void {
    if (length === 5 && equals(key, modelKey)) this.trackedKey = 'model';
    else if (length === 14 && equals(key, streamOptionsKey)) this.trackedKey = 'stream_options';
  }

  private refuse(code: ScanProblem['code'], offset: number): -1 {
    this.problem = { code, offset };
    return -1;
  }
}

function equals(key: KeyBytes, word: Uint8Array): boolean {
  for (let offset = 0; offset < word.length; offset++) {
    if (key.source[key.start + offset] !== word[offset]) return false;
  }
  return true;
}
