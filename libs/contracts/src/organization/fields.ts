import { z } from 'zod';

/** One of a few words. */
export const oneOf = <const Words extends readonly string[]>(words: Words) =>
  z.enum(words, `must be ${words.map((word) => `\`${word}\``).join(' or ')}`);

/** An integer in a body, within bounds. */
export const integer = (least: number, most: number) => {
  const form = `must be an integer from ${least} to ${most}`;
  return z.int(form).min(least, form).max(most, form);
};

/** `true` or `false` in a body. */
export const flag = z.boolean('must be true or false');

const nameForm = 'must be text of 1 to 200 characters';

/** A name that people read. Postgres stores neither NUL nor half a character, and no console should get control codes. */
export const displayName = z
  .string(nameForm)
  .min(1, nameForm)
  .max(200, nameForm)
  .refine((name) => name.isWellFormed() && !/\p{Cc}/u.test(name), 'must not contain control characters')
  .refine((name) => name.trim() === name, 'must not begin or end with a space');

const amountForm = 'must be a string of digits: an integer of nano-dollars (1e-9 US dollar), at most 18 digits';

/** An amount of nano-dollars, as text: JSON numbers are floats. */
export const nanoUsd = z.string(amountForm).regex(/^(0|[1-9]\d{0,17})$/, amountForm);
/** The same, above zero. */
export const positiveNanoUsd = z
  .string(amountForm)
  .regex(/^\d{1,18}$/, amountForm)
  .regex(/^[1-9]/, 'must be more than 0');

/** A public model id. */
export const modelId = z.string('is no model id').regex(/^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,199}$/, 'is no model id');

/** A query parameter that may be repeated (`event_types[]=…&event_types[]=…`): always a list afterwards. */
export const repeated = <Item extends z.ZodType<string, string>>(item: Item, most = 100) =>
  z
    .union(
      [item, z.array(item).max(most, `must have at most ${most} values`)],
      `must be text, or at most ${most} of them`,
    )
    .transform((value): string[] => (Array.isArray(value) ? (value as string[]) : [value as string]));

/** `true` or `false` in a query. */
export const booleanText = z.union(
  [oneOf(['true', 'false']).transform((text) => text === 'true'), flag],
  'must be true or false',
);
