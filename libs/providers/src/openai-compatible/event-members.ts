const quote = 0x22;
const backslash = 0x5c;

/** Longer values are not kept: nothing that the meter reads is. */
const maxKeptBytes = 16 * 1024;

/**
 * Learns chosen members of one JSON object while its bytes pass by in pieces of any size. Memory is bounded however
 * long the object is: strings that nobody asked for are skipped by searching for their end.
 */
export class EventMembers {
  /** By name, parsed; null ones are absent. */
  readonly found = new Map<string, unknown>();
  /** The object is whole. */
  complete = false;
  private depth = 0;
  private inString = false;
  private escaped = false;
  private expectsKey = false;
  private key = '';
  /** Undefined: what passes by is not kept. */
  private kept: number[] | undefined;
  private keeps: 'key' | 'value' = 'key';

  constructor(private readonly wanted: ReadonlySet<string>) {}

  push(bytes: Buffer): void {
    for (let index = 0; index < bytes.length; index++) {
      if (this.inString && !this.kept && !this.escaped) {
        index = nextInString(bytes, index);
        if (index < 0) return;
      }
      const byte = bytes[index] as number;
      if (this.inString) this.stringByte(byte);
      else this.structureByte(byte);
    }
  }

  private stringByte(byte: number): void {
    this.keep(byte);
    if (this.escaped) this.escaped = false;
    else if (byte === backslash) this.escaped = true;
    else if (byte === quote) {
      this.inString = false;
      if (this.keeps === 'key' && this.kept) this.key = this.takeKept() as string;
    }
  }

  private structureByte(byte: number): void {
    switch (byte) {
      case quote:
        this.inString = true;
        if (this.depth === 1 && this.expectsKey) this.startKeeping('key');
        break;
      case 0x7b: // {
      case 0x5b: // [
        this.depth++;
        if (this.depth === 1) this.expectsKey = true;
        break;
      case 0x7d: // }
      case 0x5d: // ]
        if (--this.depth === 0) {
          this.endValue();
          this.complete = true;
        }
        break;
      case 0x2c: // ,
        if (this.depth === 1) {
          this.endValue();
          this.expectsKey = true;
          return;
        }
        break;
      case 0x3a: // :
        if (this.depth === 1 && this.expectsKey) {
          this.expectsKey = false;
          if (this.wanted.has(this.key)) this.startKeeping('value');
          return;
        }
    }
    if (byte > 0x20 && this.depth > 0) this.keep(byte);
  }

  private startKeeping(what: 'key' | 'value'): void {
    this.keeps = what;
    this.kept = [];
    if (what === 'key') this.key = '';
  }

  private keep(byte: number): void {
    if (!this.kept) return;
    this.kept.push(byte);
    if (this.kept.length > maxKeptBytes) this.kept = undefined;
  }

  private endValue(): void {
    if (!this.kept || this.keeps !== 'value') return;
    const value = this.takeKept();
    if (value !== null && value !== undefined) this.found.set(this.key, value);
  }

  /** Undefined where it is not JSON: a garbled member says nothing. */
  private takeKept(): unknown {
    const text = Buffer.from(this.kept ?? []).toString();
    this.kept = undefined;
    try {
      return JSON.parse(text);
    } catch {
      return undefined;
    }
  }
}

/** Where a string that is not kept ends or escapes next, or -1. */
function nextInString(bytes: Buffer, start: number): number {
  const end = bytes.indexOf(quote, start);
  const escape = bytes.subarray(start, end < 0 ? bytes.length : end).indexOf(backslash);
  return escape < 0 ? end : start + escape;
}
