import type { EntityManager, EntityMetadata, ObjectLiteral, ObjectType, QueryResult } from 'typeorm';

interface Insert {
  readonly sql: string;
  readonly columns: readonly { readonly name: string; readonly property: string }[];
}

const inserts = new WeakMap<EntityMetadata, Insert>();

/**
 * Inserts many rows in one statement with one parameter, and skips those whose key exists; how many were new.
 * TypeORM's own insert builds a parameter per value: ten times the CPU at 500 rows.
 */
export async function insertRows<Row extends ObjectLiteral>(
  manager: EntityManager,
  entity: ObjectType<Row>,
  rows: readonly Partial<Row>[],
): Promise<number> {
  if (rows.length === 0) return 0;
  const { sql } = insertOf(manager.connection.getMetadata(entity));
  const json = rowsAsJson(manager, entity, rows);
  const runner = manager.queryRunner ?? manager.connection.createQueryRunner();
  try {
    const result = (await runner.query(sql, [json], true)) as QueryResult;
    return result.affected ?? 0;
  } finally {
    if (runner !== manager.queryRunner) await runner.release();
  }
}

/** Rows as `json_populate_recordset` of their table reads them: for functions that take a batch. */
export function rowsAsJson<Row extends ObjectLiteral>(
  manager: EntityManager,
  entity: ObjectType<Row>,
  rows: readonly Partial<Row>[],
): string {
  const { columns } = insertOf(manager.connection.getMetadata(entity));
  const wires = rows.map((row) => {
    const wire: Record<string, unknown> = {};
    for (const { name, property } of columns) wire[name] = wireOf(row[property]);
    return wire;
  });
  return JSON.stringify(wires);
}

function insertOf(metadata: EntityMetadata): Insert {
  const cached = inserts.get(metadata);
  if (cached) return cached;
  const columns = metadata.columns
    .filter((column) => column.isInsert)
    .map((column) => ({ name: column.databaseName, property: column.propertyName }));
  const names = columns.map(({ name }) => `"${name}"`).join(', ');
  const table = `"${metadata.tableName}"`;
  const insert = {
    sql: `insert into ${table} (${names}) select ${names} from json_populate_recordset(null::${table}, $1::json) on conflict do nothing`,
    columns,
  };
  inserts.set(metadata, insert);
  return insert;
}

/** JSON has no bigint; Postgres reads its digits from a string. Dates turn into ISO text by themselves. */
function wireOf(value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : (value ?? null);
}
