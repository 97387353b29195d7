import { expect, it } from 'vitest';
import { sourceFiles } from '../support/import-rules.ts';
import { root } from '../support/run.ts';

/** Ways to a connection or a transaction that the driver has, and that it may share or lose. */
const DRIVERS_OWN =
  /\bsql\s*(?:\?\.|\.)\s*(?:begin|reserve)\s*\(|\b(?:tx|client|admin|database|db)\.(?:begin|reserve)\s*\(/g;
/** An order to begin or to end one, as a statement. */
const BY_HAND =
  /\b(?:sql|tx|own)`\s*(?:begin|start transaction|commit|rollback|savepoint)\b|\bunsafe\(\s*[`'"]\s*(?:begin|start transaction|commit|rollback|savepoint)\b/gi;
const TRANSACTIONS = ['src/db/transaction.ts'];
/** The driver's own client, which has a connection of its own for as long as it is used. */
const OWN_CLIENTS = [
  'src/db/client.ts',
  'src/db/pool/connection.ts',
  'src/db/migrate.ts',
  'src/db/embedded/embedded.ts',
];

const found = (folders: string[], code: RegExp, but: string[] = []) =>
  sourceFiles(root, folders)
    .filter(({ path }) => !but.includes(path))
    .flatMap(({ path, text }) => [...text.matchAll(code)].map(([what]) => `${path}: ${what}`));

it('inTransaction is the only way into a transaction', () => {
  expect(found(['src'], DRIVERS_OWN)).toEqual([]);
  expect(found(['src'], BY_HAND, TRANSACTIONS)).toEqual([]);
});

it('tests start transactions of the pool the same way', () => {
  expect(found(['test'], /\bdb\.sql\s*\.(?:begin|reserve)\(/g)).toEqual([]);
});

it('only the pool, and code that runs before it exists, creates clients of the driver', () => {
  expect(found(['src'], /^import postgres\b/gm, OWN_CLIENTS)).toEqual([]);
});

it('the search finds all of its patterns', () => {
  const code =
    'await sql.begin(run); deps.db.sql\n  .begin(run); await tx`rollback`; client.reserve(); sql.unsafe("begin")';
  expect([...code.matchAll(DRIVERS_OWN)]).toHaveLength(3);
  expect([...code.matchAll(BY_HAND)]).toHaveLength(2);
});
