import { z } from 'zod';
import { integer, oneOf } from './fields.js';

/** An id as it may stand in a path or a cursor; anything else cannot exist. */
export const objectId = z.string('is no id').regex(/^[A-Za-z0-9_-]{1,64}$/, 'is no id');

/** An integer in a query string, within bounds. */
export const integerText = (least: number, most: number) => {
  const form = `must be an integer from ${least} to ${most}`;
  return z
    .union([z.string(form).regex(/^\d{1,10}$/, form), z.int(form)], form)
    .transform(Number)
    .pipe(integer(least, most));
};

/** Query of a list, as OpenAI's cursor pages take it: `limit` 1-100 (20), `after`, `order`. */
export const listQuery = z.strictObject({
  limit: integerText(1, 100).default(20),
  /** Id of the last object of the page before. */
  after: objectId.optional(),
  order: oneOf(['asc', 'desc']).default('desc'),
});
export type ListQuery = z.infer<typeof listQuery>;

/** A cursor page (SDK class `ConversationCursorPage`): the next page is `after=last_id`. */
export interface ListPage<Item extends { readonly id: string }> {
  readonly object: 'list';
  readonly data: readonly Item[];
  readonly first_id: string | null;
  readonly last_id: string | null;
  readonly has_more: boolean;
}
