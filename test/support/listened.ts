import postgres from 'postgres';
import { postgresOptions } from '../../src/db/address.ts';
import type { Engine } from './engine.ts';

/** A statement as it went to the database. */
export type Sent = { text: string; parameters: unknown[] };

/** A client of the engine's database with a single connection, and all that goes over it since it was last forgotten. */
export type Listened = { sql: postgres.Sql; sent: Sent[]; forget(): void };

/** Opens it; whoever does ends its `sql`. */
export function listenedTo({ address }: Pick<Engine, 'address'>): Listened {
  const sent: Sent[] = [];
  const sql = postgres({
    ...postgresOptions(address),
    max: 1,
    debug: (_connection, text, parameters) => void sent.push({ text, parameters }),
  });
  return { sql, sent, forget: () => void sent.splice(0) };
}
