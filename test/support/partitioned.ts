import type { Sql } from 'postgres';

/**
 * Makes every table that has an `account_id` anew, divided by its hash into as many parts, with the constraints and
 * indexes of the same names. The tables must be empty: it is the schema that is tried, not a way to move data.
 */
export async function partitionByAccount(sql: Sql, parts: number): Promise<string[]> {
  const tables = await sql<{ name: string }[]>`
    select relname as name from pg_class join pg_attribute on attrelid = pg_class.oid and attname = 'account_id'
    where relnamespace = 'public'::regnamespace and relkind = 'r' order by relname`;
  const names = tables.map(({ name }) => name);
  const definitions = await sql<{ ddl: string }[]>`
    with own as (select oid, relname from pg_class where relnamespace = 'public'::regnamespace and relname = any(${names}))
    select ddl from (
      select case contype when 'f' then 3 else 1 end as turn, 'alter table ' || quote_ident(relname) || ' add constraint '
        || quote_ident(conname) || ' ' || pg_get_constraintdef(pg_constraint.oid) as ddl
      from pg_constraint join own on own.oid = conrelid where contype in ('p', 'u', 'f', 'c')
      union all
      select 2, pg_get_indexdef(indexrelid) from pg_index join own on own.oid = indrelid
      where not exists (select from pg_constraint where conindid = indexrelid)
    ) as each order by turn, ddl`;
  await sql.begin(async (tx) => {
    await tx`create schema whole`;
    for (const name of names) await tx`alter table ${tx(name)} set schema whole`;
    for (const name of names) {
      await tx.unsafe(
        `create table public.${name} (like whole.${name} including defaults) partition by hash (account_id)`,
      );
      for (let part = 0; part < parts; part++)
        await tx.unsafe(
          `create table public.${name}_${part} partition of public.${name} for values with (modulus ${parts}, remainder ${part})`,
        );
    }
    for (const { ddl } of definitions) await tx.unsafe(ddl);
    await tx`drop schema whole cascade`;
  });
  return names;
}
