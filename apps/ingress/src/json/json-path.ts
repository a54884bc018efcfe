import * as json from './json-bytes.js';

interface Level {
  readonly isObject: boolean;
  index: number;
  key: string;
}

const longestKeyShown = 64;

/**
 * Where in a document an offset is, in OpenAI's notation: `messages[3].content`. Only for documents that a scan has
 * read up to this offset and then refused; '' at the top.
 */
export function jsonPathAt(bytes: Buffer, offset: number): string {
  const levels: Level[] = [];
  let expectsKey = false;
  let at = 0;
  while (at <= offset && at < bytes.length) {
    const byte = bytes[at];
    const level = levels.at(-1);
    if (byte === json.quote) {
      const after = closingQuote(bytes, at + 1);
      if (expectsKey && level) level.key = keyText(bytes, at, after);
      expectsKey = false;
      at = after;
      continue;
    }
    if (byte === json.openObject || byte === json.openArray) {
      expectsKey = byte === json.openObject;
      levels.push({ isObject: expectsKey, index: 0, key: '' });
    } else if (byte === json.closeObject || byte === json.closeArray) {
      levels.pop();
      expectsKey = false;
    } else if (byte === json.comma && level) {
      level.index++;
      expectsKey = level.isObject;
    }
    at++;
  }
  return levels.map(stepOf).join('').replace(/^\./, '');
}

function stepOf(level: Level): string {
  if (!level.isObject) return `[${level.index}]`;
  return level.key === '' ? '' : `.${level.key}`;
}

function closingQuote(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length && bytes[at] !== json.quote) at += bytes[at] === json.backslash ? 2 : 1;
  return at + 1;
}

function keyText(bytes: Buffer, start: number, end: number): string {
  const raw = bytes.toString('utf8', start, end);
  try {
    return (JSON.parse(raw) as string).slice(0, longestKeyShown);
  } catch {
    return raw.slice(1, longestKeyShown);
  }
}
