import { GatewayError, type InferenceCallHead } from '#libs/contracts';
import type { Provider } from '../provider.js';
import { JsonScanner, skipString } from './json-scan.js';

export interface ChatRequest {
  /** The caller's JSON, byte for byte. */
  readonly body: Uint8Array;
  readonly head: Pick<InferenceCallHead, 'model' | 'stream' | 'includeUsage' | 'spans'>;
  /** The provider's name for the model. */
  readonly upstreamModel: string;
  readonly provider: Provider;
}

/** Bytes [start, end) become `text`. */
interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

interface Member {
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly valueStart: number;
}

/**
 * The body for the upstream: the caller's bytes with nothing changed but what this provider needs changed. Throws
 * `unsupported_parameter` when the caller asks for what the provider would refuse or drop in silence.
 */
export function chatRequestBody(request: ChatRequest): Uint8Array {
  const { body, head, upstreamModel, provider } = request;
  const edits: Edit[] = [];
  if (upstreamModel !== head.model) {
    const [start, end] = head.spans.model;
    edits.push({ start, end, text: JSON.stringify(upstreamModel) });
  }
  if (head.stream) addStreamOptions(request, edits);
  if (provider.quirks) addQuirks(request, edits);
  return edits.length === 0 ? body : splice(body, edits);
}

/** OpenAI sends usage only in the last chunk, and only if asked: without this we would work for free. */
function addStreamOptions({ body, head, provider }: ChatRequest, edits: Edit[]): void {
  if (provider.quirks?.noStreamOptions || head.includeUsage) return;
  const span = head.spans.streamOptions;
  if (!span) {
    // Behind the opening brace; `model` is a member, so a comma is right.
    edits.push({ start: 1, end: 1, text: '"stream_options":{"include_usage":true},' });
    return;
  }
  const asked: unknown = JSON.parse(textOf(body, span[0], span[1]));
  if (asked !== null && (typeof asked !== 'object' || Array.isArray(asked))) return;
  edits.push({ start: span[0], end: span[1], text: JSON.stringify({ ...asked, include_usage: true }) });
}

function addQuirks({ body, provider }: ChatRequest, edits: Edit[]): void {
  const quirks = provider.quirks ?? {};
  const members = topLevelMembers(body);
  const refused = quirks.unsupported?.find((name) => isAsked(body, members.get(name)));
  if (refused !== undefined) {
    throw new GatewayError(
      'unsupported_parameter',
      `${provider.name} does not support '${refused}'. Leave it out, or choose another model.`,
      { param: refused },
    );
  }
  const wanted = quirks.maxTokensName;
  if (wanted) {
    const other = members.get(wanted === 'max_tokens' ? 'max_completion_tokens' : 'max_tokens');
    if (other && !members.has(wanted)) edits.push({ start: other.keyStart, end: other.keyEnd, text: wanted });
  }
  const streamOptions = quirks.noStreamOptions ? members.get('stream_options') : undefined;
  if (streamOptions) edits.push(removal(body, streamOptions));
}

/** `null` and `false` ask for nothing. */
function isAsked(body: Uint8Array, member: Member | undefined): boolean {
  if (!member) return false;
  const first = body[member.valueStart];
  return first !== 0x6e && first !== 0x66;
}

/** Members of the root object; ingress has refused duplicate keys. */
function topLevelMembers(body: Uint8Array): ReadonlyMap<string, Member> {
  const members = new Map<string, Member>();
  const scanner = new JsonScanner({
    member: (depth, keyStart, keyEnd, valueStart) => {
      if (depth === 1) members.set(textOf(body, keyStart, keyEnd), { keyStart, keyEnd, valueStart });
    },
  });
  scanner.scan(body, 0, body.length);
  return members;
}

/** Takes a member out, with the comma on its one side or the other. */
function removal(body: Uint8Array, { keyStart, valueStart }: Member): Edit {
  const first = body[valueStart];
  let end = valueStart;
  if (first === 0x7b || first === 0x5b) end = new JsonScanner().scan(body, valueStart, body.length);
  else if (first === 0x22) end = skipString(body, valueStart, body.length);
  else while (!isOneOf(body[end], ',}')) end++;
  while (isOneOf(body[end], ' \t\r\n')) end++;
  if (isOneOf(body[end], ',')) return { start: keyStart - 1, end: end + 1, text: '' };
  let start = keyStart - 1;
  while (start > 0 && !isOneOf(body[start], ',{')) start--;
  return { start: isOneOf(body[start], '{') ? start + 1 : start, end, text: '' };
}

function isOneOf(byte: number | undefined, characters: string): boolean {
  return byte !== undefined && characters.includes(String.fromCharCode(byte));
}

function splice(body: Uint8Array, edits: Edit[]): Uint8Array {
  const pieces: Uint8Array[] = [];
  let at = 0;
  for (const edit of edits.toSorted((one, other) => one.start - other.start)) {
    pieces.push(body.subarray(at, edit.start), Buffer.from(edit.text));
    at = edit.end;
  }
  pieces.push(body.subarray(at));
  return Buffer.concat(pieces);
}

function textOf(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString();
}
