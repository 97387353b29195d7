import type { Redis } from 'ioredis';

const KEYS_AT_ONCE = 5_000;

/** All that Redis needs for the keys of a prefix, by MEMORY USAGE of each; the table of keys itself comes on top. */
export async function bytesOnRedis(redis: Redis, prefix: string): Promise<number> {
  let bytes = 0;
  let cursor = '0';
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', `${prefix}:*`, 'COUNT', KEYS_AT_ONCE);
    cursor = next;
    const pipeline = redis.pipeline();
    // Of a long list or set all of it, not a sample.
    for (const key of keys) pipeline.memory('USAGE', key, 'SAMPLES', 0);
    for (const [error, used] of (await pipeline.exec()) ?? []) {
      if (error) throw error;
      bytes += Number(used);
    }
  } while (cursor !== '0');
  return bytes;
}

/** All tables of a schema with their indexes; for a query of one parameter, the schema's name. */
export const BYTES_ON_POSTGRES = `
  select sum(pg_total_relation_size(pg_class.oid))::float8 as bytes
  from pg_class join pg_namespace on pg_namespace.oid = relnamespace where nspname = $1 and relkind = 'r'`;
