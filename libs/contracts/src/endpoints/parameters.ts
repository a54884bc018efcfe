import { z } from 'zod';

/** `stream` of every endpoint that has it. */
export const streamFlag = z.boolean({ error: 'must be true or false' }).nullish();

/** `user`: whom the caller answers for; never a name of ours. */
export const endUser = z
  .string({ error: 'must be a string' })
  .max(512, { error: 'is longer than 512 characters' })
  .regex(/^\P{Cc}*$/u, { error: 'has control characters' })
  .nullish();

/** A whole number of a range; OpenAI takes null for absent. */
export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER) {
  const error = `must be a whole number ${range(min, max)}`;
  return z.int({ error }).min(min, { error }).max(max, { error }).nullish();
}

/** A number of a range. */
export function decimalNumber(min: number, max: number) {
  const error = `must be a number ${range(min, max)}`;
  return z.number({ error }).min(min, { error }).max(max, { error }).nullish();
}

/** One of a few words, where another one could not be answered. */
export function oneOf<const Words extends readonly string[]>(words: Words) {
  return z.enum(words, { error: `must be one of ${words.join(', ')}` }).nullish();
}

/** A word that the provider judges; bounded here. */
export function word() {
  return z
    .string({ error: 'must be a string' })
    .regex(/^[^\p{Cc}]{1,64}$/u, { error: 'must be 1 to 64 characters' })
    .nullish();
}

/** A text with something in it, counted as a person counts: an emoji is one character. */
export function textOf(max: number) {
  const error = `must be a string of 1 to ${max.toLocaleString('en-US')} characters`;
  return z
    .string({ error })
    .min(1, { error })
    .check((payload) => {
      if (codePoints(payload.value) <= max) return;
      payload.issues.push({ code: 'custom', input: payload.value, path: [], message: error });
    })
    .meta({ maxLength: max });
}

/** A field of a form is a text; as a number, where it is one. */
export function numberField<Schema extends z.ZodType>(schema: Schema) {
  return z.preprocess((value) => (typeof value === 'string' && value.trim() !== '' ? Number(value) : value), schema);
}

/** The same for true and false. */
export function flagField<Schema extends z.ZodType>(schema: Schema) {
  return z.preprocess((value) => flags.get(value) ?? value, schema);
}

const flags: ReadonlyMap<unknown, boolean> = new Map([
  ['true', true],
  ['false', false],
  ['True', true],
  ['False', false],
  ['1', true],
  ['0', false],
]);

/** Unicode code points of a text. */
export function codePoints(text: string): number {
  let count = text.length;
  for (let index = 0; index < text.length - 1; index++) {
    const isPair = (text.charCodeAt(index) & 0xfc00) === 0xd800 && (text.charCodeAt(index + 1) & 0xfc00) === 0xdc00;
    if (isPair) count--;
  }
  return count;
}

function range(min: number, max: number): string {
  return max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
}
