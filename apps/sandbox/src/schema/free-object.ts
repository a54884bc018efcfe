import type { JsonObject } from '../json.js';
import type { Random } from '../random.js';
import { proseAbout, topicOf } from '../skills/prose.js';
import type { TextHints } from './text-hints.js';

/** For `response_format: json_object`: the keys that the message quotes, or a small object of its own. */
export function jsonObjectAbout(text: string, random: Random, hints: TextHints): JsonObject {
  const names = [...new Set(hints.quotedNames)].slice(0, 20);
  if (names.length > 0) return Object.fromEntries(names.map((name) => [name, valueFor(name, random, hints)]));
  return { model: 'ModAPI sandbox', topic: topicOf(text), answer: proseAbout(text, random) };
}

function valueFor(name: string, random: Random, hints: TextHints): string | number {
  const [number] = hints.numbersFor();
  if (/age|count|number|amount|year|size|price|total|quantity|score/i.test(name))
    return number ?? random.integer(1, 99);
  const [noun] = hints.textsFor(name).filter((candidate) => !hints.quotedNames.includes(candidate));
  if (noun === undefined) return `a sandbox ${name}`;
  hints.use(noun);
  return noun;
}
