import type { EntityManager } from 'typeorm';
import { GatewayError, type ListPage, type ListQuery } from '#libs/contracts';

/** Where a list comes from: SQL of our own; what callers say travels in `values` alone. */
export interface RowSource {
  /** `select … from table t …`; the listed table is `t` and has `id` and `created_at`. */
  readonly select: string;
  /** Also bounds the cursor: an id from elsewhere is none. */
  readonly owned: string;
  /** What is left of the owned rows; a cursor may be gone from them, as when a caller deletes while it lists. */
  readonly shown?: string;
  readonly table: string;
  readonly values: readonly unknown[];
}

/** One page by key set (created_at, id): stable while rows come and go. */
export async function loadPage<Row, Item extends { readonly id: string }>(
  manager: EntityManager,
  source: RowSource,
  query: ListQuery,
  toItem: (row: Row) => Item,
): Promise<ListPage<Item>> {
  const { select, owned, shown = 'true', table } = source;
  const values = [...source.values];
  const [direction, beyond] = query.order === 'asc' ? ['asc', '>'] : ['desc', '<'];
  let after = '';
  if (query.after !== undefined) {
    values.push(query.after);
    const cursor = `from ${table} t where ${owned} and t.id = $${values.length}`;
    const found = await manager.query<unknown[]>(`select t.id ${cursor}`, values);
    if (found.length === 0) throw unknownCursor();
    after = `and (t.created_at, t.id) ${beyond} (select t.created_at, t.id ${cursor})`;
  }
  values.push(query.limit + 1);
  const rows = await manager.query<Row[]>(
    `${select} where ${owned} and ${shown} ${after}
     order by t.created_at ${direction}, t.id ${direction} limit $${values.length}`,
    values,
  );
  return pageOf(rows.slice(0, query.limit).map(toItem), rows.length > query.limit);
}

/** A page of the list, as OpenAI's cursor pages look. */
export function pageOf<Item extends { readonly id: string }>(data: readonly Item[], hasMore: boolean): ListPage<Item> {
  return {
    object: 'list',
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: hasMore,
  };
}

function unknownCursor(): GatewayError {
  const message = '`after` names no object of this list. Use the `last_id` of the page before, or leave it out.';
  return new GatewayError('invalid_value', message, { param: 'after' });
}
