import type { Sql } from 'postgres';
import { openDatabase } from '../../src/db/client.ts';
import type { Engine } from './engine.ts';

/** A statement as it went to the database. */
type Sent = { text: string; parameters: unknown[] };

/** The engine's database over a single connection, and all that goes over it since it was last forgotten. */
export type Listened = { sql: Sql; sent: Sent[]; forget(): void; close(): Promise<void> };

/** Opens it; whoever does closes it. */
export function listenedTo({ address }: Pick<Engine, 'address'>): Listened {
  const sent: Sent[] = [];
  const { sql, close } = openDatabase(address, {
    connections: 1,
    onStatement: (text, parameters) => void sent.push({ text, parameters }),
  });
  return { sql, sent, forget: () => void sent.splice(0), close };
}
