import type { Sql } from 'postgres';

/** Everything a database holds, in every schema, as text. */
export async function everything(sql: Sql): Promise<string> {
  const tables = await sql<{ schema: string; name: string }[]>`
    select table_schema as schema, table_name as name from information_schema.tables
    where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`;
  const rows = await Promise.all(
    tables.map(
      ({ schema, name }) =>
        sql`select row_to_json(each)::text as row from ${sql(schema)}.${sql(name)} as each`,
    ),
  );
  return rows.flatMap((each) => each.map(({ row }) => row as string)).join('\n');
}
