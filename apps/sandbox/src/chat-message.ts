import { isObject, type Json, type JsonObject } from './json.js';
import { invalidValue, WireError } from './wire-error.js';

const roles = ['developer', 'system', 'user', 'assistant', 'tool', 'function'] as const;
export type Role = (typeof roles)[number];

/** A part of a message that is not text. */
export interface MediaPart {
  readonly kind: 'image' | 'audio' | 'file';
  /** A data URL, a remote URL or base64; a file may have only a name. */
  readonly source: string;
  /** `detail` of an image, `format` of an audio, `filename` of a file. */
  readonly note: string | undefined;
}

/** A call that an assistant message made. */
export interface PastCall {
  readonly id: string | undefined;
  readonly name: string;
  readonly arguments: string;
}

export interface ChatMessage {
  readonly role: Role;
  readonly name: string | undefined;
  /** All text parts, joined. */
  readonly text: string;
  readonly media: readonly MediaPart[];
  readonly calls: readonly PastCall[];
  /** Of a tool message. */
  readonly answersCall: string | undefined;
}

/** Parses `messages` and checks what OpenAI checks: roles, parts, and that tool messages answer a call. */
export function parseMessages(value: Json | undefined): ChatMessage[] {
  if (value === undefined || value === null) {
    throw new WireError(400, {
      message: "Missing required parameter: 'messages'.",
      param: 'messages',
      code: 'missing_required_parameter',
    });
  }
  if (!Array.isArray(value)) throw invalidValue('messages', "Invalid type for 'messages': expected an array.");
  if (value.length === 0) throw invalidValue('messages', "Invalid 'messages': expected at least one message.");
  const messages = value.map((item, index) => parseMessage(item, `messages[${index}]`));
  checkToolAnswers(messages);
  return messages;
}

function parseMessage(value: Json, path: string): ChatMessage {
  if (!isObject(value)) throw invalidValue(path, `Invalid type for '${path}': expected an object.`);
  const role = roles.find((known) => known === value.role);
  if (role === undefined) {
    throw invalidValue(`${path}.role`, `Invalid value for '${path}.role'. Supported values are: ${roles.join(', ')}.`);
  }
  const calls = parsePastCalls(value);
  const { text, media } = parseContent(value.content, { path: `${path}.content`, optional: role === 'assistant' });
  return {
    role,
    name: typeof value.name === 'string' ? value.name : undefined,
    text,
    media,
    calls,
    answersCall: typeof value.tool_call_id === 'string' ? value.tool_call_id : undefined,
  };
}

interface ContentPlace {
  path: string;
  /** An assistant message may hold calls, or a refusal, and no content. */
  optional: boolean;
}

function parseContent(value: Json | undefined, place: ContentPlace): { text: string; media: MediaPart[] } {
  if (typeof value === 'string') return { text: value, media: [] };
  if (value === undefined || value === null) {
    if (place.optional) return { text: '', media: [] };
    throw invalidValue(place.path, `Invalid value for '${place.path}': expected a string, got null.`);
  }
  if (!Array.isArray(value)) {
    throw invalidValue(place.path, `Invalid type for '${place.path}': expected a string or an array of parts.`);
  }
  const texts: string[] = [];
  const media: MediaPart[] = [];
  for (const [index, part] of value.entries()) {
    const parsed = parsePart(part, `${place.path}[${index}]`);
    if (typeof parsed === 'string') texts.push(parsed);
    else media.push(parsed);
  }
  return { text: texts.join('\n'), media };
}

type PartReader = (part: JsonObject) => string | MediaPart | undefined;

const textOf = (value: Json | undefined): string | undefined => (typeof value === 'string' ? value : undefined);

/** Content parts by `type`; undefined: the part lacks what its type needs. */
const partReaders = new Map<string, PartReader>([
  ['text', (part) => textOf(part.text)],
  ['refusal', (part) => textOf(part.refusal)],
  [
    'image_url',
    ({ image_url: image }) => {
      const source = isObject(image) ? textOf(image.url) : undefined;
      if (source === undefined || !isObject(image)) return undefined;
      return { kind: 'image', source, note: textOf(image.detail) };
    },
  ],
  [
    'input_audio',
    ({ input_audio: audio }) => {
      const source = isObject(audio) ? textOf(audio.data) : undefined;
      if (source === undefined || !isObject(audio)) return undefined;
      return { kind: 'audio', source, note: textOf(audio.format) };
    },
  ],
  [
    'file',
    ({ file }) => {
      if (!isObject(file)) return undefined;
      const name = textOf(file.filename) ?? textOf(file.file_id);
      return { kind: 'file', source: textOf(file.file_data) ?? '', note: name };
    },
  ],
]);

function parsePart(part: Json, path: string): string | MediaPart {
  const type = isObject(part) ? part.type : undefined;
  const read = typeof type === 'string' ? partReaders.get(type) : undefined;
  if (read === undefined || !isObject(part)) {
    const known = [...partReaders.keys()].join(', ');
    throw invalidValue(`${path}.type`, `Invalid value for '${path}.type'. Supported values are: ${known}.`);
  }
  const parsed = read(part);
  if (parsed === undefined) throw invalidValue(path, `Invalid '${path}': the part lacks its value.`);
  return parsed;
}

function parsePastCalls(value: JsonObject): PastCall[] {
  const calls: PastCall[] = [];
  for (const call of Array.isArray(value.tool_calls) ? value.tool_calls : []) {
    if (!isObject(call)) continue;
    const called = [call.function, call.custom].find((part) => isObject(part)) ?? {};
    calls.push({
      id: textOf(call.id),
      name: textOf(called.name) ?? '',
      arguments: textOf(called.arguments) ?? textOf(called.input) ?? '',
    });
  }
  const legacy = value.function_call;
  if (isObject(legacy))
    calls.push({ id: undefined, name: textOf(legacy.name) ?? '', arguments: textOf(legacy.arguments) ?? '' });
  return calls;
}

function checkToolAnswers(messages: readonly ChatMessage[]): void {
  const open = new Set<string>();
  for (const [index, message] of messages.entries()) {
    for (const call of message.calls) if (call.id !== undefined) open.add(call.id);
    if (message.role !== 'tool') continue;
    if (message.answersCall === undefined || !open.has(message.answersCall)) {
      throw new WireError(400, {
        message:
          "Invalid parameter: messages with role 'tool' must be a response to a preceding message with 'tool_calls'.",
        param: `messages[${index}].role`,
      });
    }
  }
}
