import { badForm } from './form-boundary.js';

/** The lines of a part's head, by lower-case name, each byte one character. */
export type PartLines = Readonly<Record<string, readonly string[] | undefined>>;

/** What the head of a part says. */
export interface PartHeader {
  readonly name: string;
  /** Undefined for a field. Of a stranger: never a path. */
  readonly filename: string | undefined;
}

/** What the parser keeps of a head; more is refused. */
export const headBytes = 16 * 1024;
export const headLines = 20;
const nameBytes = 100;

const parameter = /;\s*([\w!#$%&'*+.^`|~-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;"]*)\s*/y;
// A list (`image[]`) or a part of an object (`chunking_strategy[type]`), and no deeper.
const nameForm = /^[^[\]]+(\[[^[\]]*\])?$/;
const control = /\p{Cc}/u;
const transferEncodings: ReadonlySet<string> = new Set(['7bit', '8bit', 'binary']);
/** Names that would reach a prototype where fields become an object. */
const forbiddenNames = /^(__proto__|constructor|prototype)(\[|$)|\[(__proto__|constructor|prototype)\]/;

/** Throws a `GatewayError` for a head that is not of a form. */
export function readPartHeader(lines: PartLines): PartHeader {
  const encoding = lines['content-transfer-encoding']?.[0]?.trim().toLowerCase();
  if (encoding !== undefined && !transferEncodings.has(encoding)) {
    throw badForm('A part has a Content-Transfer-Encoding. Send the bytes as they are.');
  }
  const dispositions = lines['content-disposition'] ?? [];
  const parameters = dispositions.length === 1 ? parametersOf(dispositions[0] as string) : undefined;
  const name = parameters?.get('name');
  if (!parameters || name === undefined || isTooLong(lines)) {
    throw badForm('A part needs one header `Content-Disposition: form-data; name="…"`, and short ones beside it.');
  }
  checkName(name);
  return { name, filename: extended(parameters.get('filename*')) ?? parameters.get('filename') ?? typeName(lines) };
}

/** A field's name without its brackets: `image[]` and `image` are one. */
export function plainName(name: string): string {
  const bracket = name.indexOf('[');
  return bracket < 0 ? name : name.slice(0, bracket);
}

function checkName(name: string): void {
  if (Buffer.byteLength(name) > nameBytes || !nameForm.test(name) || control.test(name)) {
    throw badForm(
      `A part has no usable name. Send 1 to ${nameBytes} bytes such as \`file\`, \`image[]\` or \`chunking_strategy[type]\`.`,
    );
  }
  if (forbiddenNames.test(name)) throw badForm('A part has a name that is not accepted. Remove it.');
}

/** The lower-case parameters of `form-data`; undefined when it is malformed or names one twice. */
function parametersOf(disposition: string): Map<string, string> | undefined {
  const start = disposition.indexOf(';');
  if (start < 0 || disposition.slice(0, start).trim().toLowerCase() !== 'form-data') return undefined;
  const found = new Map<string, string>();
  parameter.lastIndex = start;
  for (let at = start; at < disposition.length; at = parameter.lastIndex) {
    const match = parameter.exec(disposition);
    const key = match?.[1]?.toLowerCase();
    if (!match || key === undefined || found.has(key)) return undefined;
    found.set(key, valueOf(match[2] ?? ''));
  }
  return found;
}

/** Browsers write `"` and line ends as percent codes, others a backslash before a quote; paths keep theirs. */
function valueOf(written: string): string {
  const bare = written.startsWith('"') ? written.slice(1, -1).replaceAll(/\\(["\\])/g, '$1') : written;
  return Buffer.from(bare, 'latin1').toString('utf8');
}

/** RFC 5987: `UTF-8''na%C3%AFve.mp3`. */
function extended(value: string | undefined): string | undefined {
  const match = value === undefined ? null : /^utf-8'[^']*'(.*)$/is.exec(value);
  if (!match) return undefined;
  try {
    return decodeURIComponent(match[1] as string);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

/** A part of bytes is a file even without a name. */
function typeName(lines: PartLines): string | undefined {
  const type = lines['content-type']?.[0]?.trim().toLowerCase();
  return type?.startsWith('application/octet-stream') ? 'file' : undefined;
}

/** The parser cuts what is too long without a word: at its limits the head was longer. */
function isTooLong(lines: PartLines): boolean {
  const values = Object.entries(lines);
  const count = values.reduce((sum, [, list]) => sum + (list?.length ?? 0), 0);
  const bytes = values.reduce((sum, [name, list]) => sum + name.length + (list?.join('').length ?? 0), 0);
  return count >= headLines || bytes > headBytes / 2;
}
