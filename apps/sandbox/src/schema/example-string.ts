import type { Json, JsonObject } from '../json.js';
import { topicOf } from '../skills/prose.js';
import type { ExampleBuilder, ExamplePlace } from './example-builder.js';
import { Unsatisfiable } from './flatten.js';
import { sampleFormat } from './formats.js';
import { understands } from './pattern.js';
import { samplePattern } from './pattern-sample.js';

const longestString = 200_000;
const words = [
  'river',
  'lamp',
  'garden',
  'harbour',
  'paper',
  'signal',
  'meadow',
  'window',
  'copper',
  'lantern',
] as const;

/** Where the message names nothing; the first whose name fits. */
const inventions: readonly (readonly [RegExp, readonly string[]])[] = [
  [/city|location|place|town|destination|origin|^from$|^to$/i, ['Paris', 'Nairobi', 'Osaka', 'Lima', 'Tromsø']],
  [/country/i, ['France', 'Kenya', 'Japan', 'Peru', 'Norway']],
  [/name|person|author|user/i, ['Ada', 'Grace', 'Alan', 'Katherine', 'Edsger']],
  [/mail/i, ['ada@example.com', 'grace@example.org']],
  [/url|uri|link|website/i, ['https://example.com/', 'https://example.org/docs']],
  [/date|day/i, ['2026-03-14', '2026-09-01']],
  [/phone/i, ['+1-202-555-0123', '+44 20 7946 0958']],
];

/** A text of the right pattern, format and length; one from the message, where it fits. */
export function stringExample(schema: JsonObject, place: ExamplePlace, builder: ExampleBuilder): Json {
  if (builder.attempt === 0) {
    const hinted = builder.hints.textsFor(place.name).find((text) => builder.accepts(text, withoutCombinators(schema)));
    if (hinted !== undefined) {
      builder.hints.use(hinted);
      return hinted;
    }
  }
  const minLength = typeof schema.minLength === 'number' ? schema.minLength : 0;
  const maxLength = typeof schema.maxLength === 'number' ? schema.maxLength : Number.POSITIVE_INFINITY;
  if (minLength > maxLength || minLength > longestString) throw new Unsatisfiable();
  if (typeof schema.format === 'string') {
    const formatted = sampleFormat(schema.format, builder.random);
    if (formatted !== undefined) return formatted;
  }
  // A pattern that nobody here understands says nothing: some text is better than a missing parameter.
  if (typeof schema.pattern === 'string' && understands(schema.pattern)) {
    const sample = samplePattern(schema.pattern, { minLength, maxLength }, builder.random);
    if (sample === undefined) throw new Unsatisfiable();
    return sample;
  }
  const wanted = Math.min(maxLength, Math.max(minLength, otherLengths[builder.attempt] ?? 0));
  return ofLength(plainText(place.name, builder), wanted, maxLength);
}

/** By attempt: another branch of the schema may forbid the usual length. */
const otherLengths = [0, 0, 32, 0, 100, 300];

/** `not` stays: a hint that is forbidden is no hint. */
function withoutCombinators(schema: JsonObject): JsonObject {
  const { minLength, maxLength, pattern, format, not } = schema;
  const rules = Object.entries({ minLength, maxLength, pattern, format, not });
  return Object.fromEntries(rules.filter((rule): rule is [string, Json] => rule[1] !== undefined));
}

function plainText(name: string, { random }: ExampleBuilder): string {
  const invented = inventions.find(([pattern]) => pattern.test(name))?.[1];
  if (invented !== undefined) return random.pick(invented) ?? '';
  const topic = name === '' ? '' : topicOf(name.replaceAll(/[_-]/g, ' '));
  const word = random.pick(words);
  return topic === '' || topic === 'your message' ? word : `${topic} ${word}`;
}

function ofLength(text: string, minLength: number, maxLength: number): string {
  let characters = Array.from(text);
  if (characters.length < minLength) {
    const filler = Array.from(` ${text}`.repeat(Math.ceil(minLength / (text.length + 1))));
    characters = [...characters, ...filler].slice(0, Math.max(minLength, 1));
  }
  return characters.slice(0, maxLength).join('');
}
