import type { Usage } from '#libs/contracts';
import { EventMembers } from './event-members.js';
import { imageUsageOf } from './image-usage.js';

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;

/** An event that does not say what it is within so many bytes is taken at its `event:` line's word. */
const maxHeldBytes = 64 * 1024;
const maxFieldBytes = 256;
const wanted = new Set(['type', 'usage', 'error', 'size', 'quality']);
const imageType = /^image_(?:generation|edit)\.[a-z_]{1,40}$/;

/** Why a stream of images is not one. */
export type ImageFault = { readonly kind: 'error'; readonly error: unknown } | { readonly kind: 'garbled' };

/** What came of a piece of the stream. */
export interface ImageEventsStep {
  readonly write?: Uint8Array;
  readonly fault?: ImageFault;
}

/**
 * Passes server-sent image events on as they come. An event is megabytes of base64, so none is ever gathered: it is let
 * go as soon as it says that it is an image, and its few small members are learned while it passes by. Lines that
 * OpenAI does not send reach no caller.
 */
export class ImageEvents {
  /** Of all images that were completed; undefined while none said. */
  usage: Usage | undefined;
  usageDisbelieved = false;
  completed = 0;
  partials = 0;
  size: string | undefined;
  quality: string | undefined;
  private output: Buffer[] = [];
  private fault: ImageFault | undefined;
  /** What the current line is; a `start` line has not told yet. */
  private line: 'start' | 'data' | 'event' | 'other' = 'start';
  private lineText = '';
  private afterColon = false;
  private members: EventMembers | undefined;
  private eventName = '';
  private held: Buffer[] = [];
  private heldBytes = 0;
  private released = false;

  push(chunk: Buffer): ImageEventsStep {
    for (let at = 0; at < chunk.length && !this.fault;) {
      const feed = chunk.indexOf(lineFeed, at);
      const end = feed < 0 ? chunk.length : feed;
      this.lineBytes(chunk.subarray(at, end));
      if (feed < 0) break;
      this.endLine();
      at = feed + 1;
    }
    return this.step();
  }

  /** Half an event went out. */
  get isInside(): boolean {
    return this.released;
  }

  /** The upstream closed in good order; `complete` is false where it cut the stream off. */
  finish(): ImageEventsStep & { readonly complete: boolean } {
    if (!this.fault && this.members) {
      // Some servers close without the blank line.
      if (this.members.complete) this.endEvent();
      else if (this.released) this.fault = { kind: 'garbled' };
    }
    return { ...this.step(), complete: this.completed > 0 && !this.fault };
  }

  private step(): ImageEventsStep {
    const { output, fault } = this;
    this.output = [];
    return { ...(output.length > 0 && { write: Buffer.concat(output) }), ...(fault && { fault }) };
  }

  private lineBytes(bytes: Buffer): void {
    let rest = bytes;
    if (this.line === 'start') {
      const colon = rest.indexOf(0x3a);
      this.lineText += rest.toString('latin1', 0, Math.min(colon < 0 ? rest.length : colon, maxFieldBytes));
      if (colon < 0) {
        if (this.lineText.length > maxFieldBytes) this.line = 'other';
        return;
      }
      this.startField(this.lineText.replace(/^\u00ef\u00bb\u00bf/, ''));
      rest = rest.subarray(colon + 1);
    }
    if (this.afterColon && rest.length > 0) {
      this.afterColon = false;
      if (rest[0] === space) rest = rest.subarray(1);
    }
    if (this.line === 'data') this.data(rest);
    else if (this.line === 'event' && this.lineText.length < maxFieldBytes) this.lineText += rest.toString('latin1');
  }

  private startField(name: string): void {
    this.afterColon = true;
    this.lineText = '';
    this.line = name === 'data' || name === 'event' ? name : 'other';
    if (this.line !== 'data') return;
    if (this.members) this.data(Buffer.from(this.released ? '\ndata: ' : ' '));
    this.members ??= new EventMembers(wanted);
  }

  private data(bytes: Buffer): void {
    const { members } = this;
    if (!members || bytes.length === 0) return;
    members.push(bytes);
    if (this.released) {
      this.output.push(bytes);
      return;
    }
    // The chunk is gone after this read.
    this.held.push(Buffer.from(bytes));
    this.heldBytes += bytes.length;
    const type = this.typeOf(members);
    if (type !== undefined && imageType.test(type) && !members.found.has('error')) this.release(type);
    else if (type === undefined && this.heldBytes > maxHeldBytes) this.releaseUnnamed();
    else if (this.heldBytes > maxHeldBytes) this.fault = { kind: 'garbled' };
  }

  private releaseUnnamed(): void {
    if (imageType.test(this.eventName)) this.release(this.eventName);
    else this.fault = { kind: 'garbled' };
  }

  private typeOf(members: EventMembers): string | undefined {
    const type = members.found.get('type');
    return typeof type === 'string' ? type : undefined;
  }

  private release(type: string): void {
    this.output.push(Buffer.from(`event: ${type}\ndata: `), ...this.held);
    this.held = [];
    this.released = true;
  }

  private endLine(): void {
    const { line, lineText } = this;
    this.line = 'start';
    this.lineText = '';
    this.afterColon = false;
    if (line === 'event') this.eventName = lineText.trim();
    else if (line === 'start' && lineText.replaceAll(String.fromCharCode(carriageReturn), '') === '') this.endEvent();
  }

  private endEvent(): void {
    const { members, eventName } = this;
    if (!members) return;
    if (!this.released && members.complete && !members.found.has('error') && imageType.test(eventName)) {
      if (this.typeOf(members) === undefined) this.release(eventName);
    }
    this.learn(members, this.typeOf(members) ?? eventName);
    if (this.released) this.output.push(Buffer.from('\n\n'));
    this.members = undefined;
    this.eventName = '';
    this.held = [];
    this.heldBytes = 0;
    this.released = false;
  }

  private learn({ found, complete }: EventMembers, type: string): void {
    if (found.has('error') || type === 'error') {
      this.fault = { kind: 'error', error: found.get('error') };
      return;
    }
    if (!this.released) return;
    if (!complete) {
      this.fault = { kind: 'garbled' };
      return;
    }
    if (type.endsWith('.partial_image')) this.partials++;
    if (!type.endsWith('.completed')) return;
    this.completed++;
    const usage = imageUsageOf(found.get('usage'));
    if (usage) this.usage = sumOf(this.usage ?? {}, usage);
    else if (found.has('usage')) this.usageDisbelieved = true;
    const { size, quality } = Object.fromEntries(found);
    this.size = typeof size === 'string' ? size : this.size;
    this.quality = typeof quality === 'string' ? quality : this.quality;
  }
}

function sumOf(one: Usage, other: Usage): Usage {
  const sum: Usage = { ...one };
  for (const [unit, quantity] of Object.entries(other) as [keyof Usage, number][]) {
    sum[unit] = (sum[unit] ?? 0) + quantity;
  }
  return sum;
}
