import { JsonScanner, type MemberVisitor, skipString, startsWith } from './json-scan.js';

const quote = 0x22;
const closeBracket = 0x5d;
const nullStart = 0x6e;

const model = Buffer.from('model');
const usage = Buffer.from('usage');
const error = Buffer.from('error');
const choices = Buffer.from('choices');
const finishReason = Buffer.from('finish_reason');

/**
 * Members that hold text a model wrote, in a delta, a message, or a tool call of either. Told apart by depth 3 and
 * more, so that a `name` or `text` of the envelope is not taken for an answer.
 */
const textKeys = [
  'content',
  'reasoning_content',
  'reasoning',
  'refusal',
  'text',
  'arguments',
  'input',
  'transcript',
].map((key) => Buffer.from(key));
/** Keys of text by their length, so that most members are dismissed by one look. */
const textKeysByLength: readonly (readonly Buffer[])[] = Array.from({ length: 20 }, (_, length) =>
  textKeys.filter((key) => key.length === length),
);

/** `choices[0].delta.audio.data`, or of a `message`: five objects and arrays deep. */
const audioData = Buffer.from('data');
const audioDepth = 5;

/** Receives what a model made. */
export interface TextCollector {
  /** Text as it stands in the JSON: escaped, without its quotes. */
  append(bytes: Uint8Array, start: number, end: number): void;
  /** So many characters of sound in base64. */
  appendAudio(length: number): void;
}

/** What one pass over an answer, or one event of it, found. Offsets are into the bytes read; -1 is absent. */
export class AnswerFacts implements MemberVisitor {
  /** Of the value of `model`, quotes included. */
  modelStart = -1;
  modelEnd = -1;
  /** Of a `usage` that is not null. */
  usageStart = -1;
  /** Of an `error` that is not null. */
  errorStart = -1;
  hasChoices = false;
  emptyChoices = false;
  /** Or sound. */
  hasText = false;
  /** Highest `index` of a choice. */
  choiceIndex = -1;
  /** Choices that say why they ended; the last one's reason. */
  finished = 0;
  finishReason = '';
  private bytes: Uint8Array = Buffer.alloc(0);
  private end = 0;
  private readonly scanner = new JsonScanner(this);

  constructor(private readonly text?: TextCollector) {}

  /** False when [start, end) is not one JSON object that may stand on one line. */
  readLine(bytes: Uint8Array, start: number, end: number): boolean {
    return this.read(bytes, start, end) && !this.scanner.carriageReturns;
  }

  /** False when [start, end) is not one JSON object. */
  read(bytes: Uint8Array, start: number, end: number): boolean {
    this.bytes = bytes;
    this.end = end;
    this.modelStart = this.modelEnd = this.usageStart = this.errorStart = this.choiceIndex = -1;
    this.hasChoices = this.emptyChoices = this.hasText = false;
    this.finished = 0;
    let after = this.scanner.scan(bytes, start, end);
    if (after < 0) return false;
    while (after < end && (bytes[after] as number) <= 0x20) after++;
    return after === end;
  }

  member(depth: number, keyStart: number, keyEnd: number, valueStart: number): void {
    if (depth === 1) this.envelope(keyStart, keyEnd, valueStart);
    else if (depth >= 3) this.choice(depth, keyStart, keyEnd, valueStart);
  }

  private envelope(keyStart: number, keyEnd: number, valueStart: number): void {
    const { bytes } = this;
    const length = keyEnd - keyStart;
    if (length === choices.length && startsWith(bytes, keyStart, choices)) {
      this.hasChoices = bytes[valueStart] === 0x5b;
      this.emptyChoices = this.hasChoices && bytes[valueStart + 1] === closeBracket;
    } else if (length === model.length) {
      if (startsWith(bytes, keyStart, model)) this.foundModel(valueStart);
      else if (bytes[valueStart] === nullStart) return;
      else if (startsWith(bytes, keyStart, usage)) this.usageStart = valueStart;
      else if (startsWith(bytes, keyStart, error)) this.errorStart = valueStart;
    }
  }

  private foundModel(valueStart: number): void {
    if (this.bytes[valueStart] !== quote) return;
    this.modelStart = valueStart;
    this.modelEnd = skipString(this.bytes, valueStart, this.end);
  }

  private choice(depth: number, keyStart: number, keyEnd: number, valueStart: number): void {
    const { bytes } = this;
    const length = keyEnd - keyStart;
    const first = bytes[valueStart] as number;
    if (depth === 3) {
      if (length === 5 && first >= 0x30 && first <= 0x39) this.foundIndex(keyStart, valueStart);
      else if (length === finishReason.length && first === quote) this.foundFinish(keyStart, valueStart);
    }
    if (first !== quote || bytes[valueStart + 1] === quote) return;
    if (depth === audioDepth && length === audioData.length && startsWith(bytes, keyStart, audioData)) {
      this.foundAudio(valueStart);
      return;
    }
    const keys = textKeysByLength[length];
    if (keys === undefined || keys.length === 0) return;
    for (const key of keys) {
      if (startsWith(bytes, keyStart, key)) this.foundText(valueStart);
    }
  }

  private foundIndex(keyStart: number, valueStart: number): void {
    if (this.bytes[keyStart] !== 0x69) return;
    let value = 0;
    for (let index = valueStart; index < valueStart + 4; index++) {
      const digit = (this.bytes[index] as number) - 0x30;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    if (value > this.choiceIndex) this.choiceIndex = value;
  }

  private foundFinish(keyStart: number, valueStart: number): void {
    if (!startsWith(this.bytes, keyStart, finishReason)) return;
    const end = skipString(this.bytes, valueStart, this.end);
    if (end < 0) return;
    this.finished++;
    this.finishReason = Buffer.from(this.bytes.subarray(valueStart + 1, Math.min(end - 1, valueStart + 65))).toString();
  }

  private foundAudio(valueStart: number): void {
    const end = skipString(this.bytes, valueStart, this.end);
    if (end < 0) return;
    this.hasText = true;
    this.text?.appendAudio(end - valueStart - 2);
  }

  private foundText(valueStart: number): void {
    const end = skipString(this.bytes, valueStart, this.end);
    if (end < 0) return;
    this.hasText = true;
    this.text?.append(this.bytes, valueStart + 1, end - 1);
  }
}
