import { JsonScanner, skipString } from './json-scan.js';

/** Bytes [start, end) become `text`. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** A member of the root object; the key is without its quotes. */
export interface Member {
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly valueStart: number;
}

/** Members of the root object; ingress has refused duplicate keys. Empty where the bytes are no JSON object. */
export function topLevelMembers(body: Uint8Array): ReadonlyMap<string, Member> {
  const members = new Map<string, Member>();
  const scanner = new JsonScanner({
    member: (depth, keyStart, keyEnd, valueStart) => {
      if (depth === 1) members.set(textOf(body, keyStart, keyEnd), { keyStart, keyEnd, valueStart });
    },
  });
  scanner.scan(body, 0, body.length);
  return members;
}

/** `null` and `false` ask for nothing. */
export function isAsked(body: Uint8Array, member: Member | undefined): boolean {
  if (!member) return false;
  const first = body[member.valueStart];
  return first !== 0x6e && first !== 0x66;
}

/** Takes a member out, with the comma on its one side or the other. */
export function removal(body: Uint8Array, { keyStart, valueStart }: Member): Edit {
  let end = valueEnd(body, valueStart);
  while (isOneOf(body[end], ' \t\r\n')) end++;
  if (isOneOf(body[end], ',')) return { start: keyStart - 1, end: end + 1, text: '' };
  let start = keyStart - 1;
  while (start > 0 && !isOneOf(body[start], ',{')) start--;
  return { start: isOneOf(body[start], '{') ? start + 1 : start, end, text: '' };
}

/** The index after the value that starts at `valueStart`; a number's may have white space behind it. */
export function valueEnd(body: Uint8Array, valueStart: number): number {
  const first = body[valueStart];
  if (first === 0x7b || first === 0x5b) return new JsonScanner().scan(body, valueStart, body.length);
  if (first === 0x22) return skipString(body, valueStart, body.length);
  let end = valueStart;
  while (end < body.length && !isOneOf(body[end], ',}]')) end++;
  return end;
}

/** The bytes with all edits made, which must not overlap. */
export function splice(body: Uint8Array, edits: readonly Edit[]): Uint8Array {
  if (edits.length === 0) return body;
  const pieces: Uint8Array[] = [];
  let at = 0;
  for (const edit of edits.toSorted((one, other) => one.start - other.start)) {
    pieces.push(body.subarray(at, edit.start), Buffer.from(edit.text));
    at = edit.end;
  }
  pieces.push(body.subarray(at));
  return Buffer.concat(pieces);
}

/** A JSON body with another model at the place of the one asked for (`spans.model` of the call's head). */
export function spliceModel(body: Uint8Array, [start, end]: readonly [number, number], model: string): Uint8Array {
  return splice(body, [{ start, end, text: JSON.stringify(model) }]);
}

export function textOf(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString();
}

function isOneOf(byte: number | undefined, characters: string): boolean {
  return byte !== undefined && characters.includes(String.fromCharCode(byte));
}
