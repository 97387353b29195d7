import type { Sql } from 'postgres';
import { type ApiKeyRow, bare, hashOf, isHashOf, newToken, readScopes, type Scope } from './api-keys.ts';

/** Who a valid operator key stands for: no account of its own. */
export type Operator = { keyId: string; scopes: ReadonlySet<Scope> };

const TOKEN = /^lull_op_([0-9a-f]{32})_[0-9a-f]{64}$/;
const COLUMNS = 'id, name, scopes, created_at as "createdAt", revoked_at as "revokedAt"';

/**
 * Makes a key that works on any account, one named per request, and returns its token: only its hash is kept.
 * @throws InvalidInputError for an unknown scope, or none
 */
export async function createOperatorKey(
  { sql }: { sql: Sql },
  { name, scopes }: { name: string; scopes: readonly string[] },
  { id, now }: { id: string; now: Date },
): Promise<string> {
  const allowed = readScopes(scopes);
  const token = newToken('op', bare(id));
  await sql`insert into operator_key (id, name, hash, scopes, created_at)
    values (${id}, ${name}, ${hashOf(token).toString('hex')}, ${allowed}, ${now})`;
  return token;
}

/** Whether a token claims to be an operator's. */
export function isOperatorToken(token: string): boolean {
  return token.startsWith('lull_op_');
}

/** Finds which operator key a token is; null for one that is malformed, unknown, wrong or revoked. */
export async function verifyOperatorKey({ sql }: { sql: Sql }, token: string): Promise<Operator | null> {
  const [, key] = TOKEN.exec(token) ?? [];
  if (key === undefined) return null;
  const [row] = await sql.unsafe(
    'select id, hash, scopes, revoked_at from operator_key where id = $1',
    [key],
    { prepare: true },
  );
  if (!row || row.revoked_at !== null || !isHashOf(row.hash, token)) return null;
  return { keyId: row.id, scopes: new Set(row.scopes as Scope[]) };
}

/** Every operator key, in the order in which they were made. */
export async function listOperatorKeys(sql: Sql): Promise<ApiKeyRow[]> {
  return await sql.unsafe<ApiKeyRow[]>(`select ${COLUMNS} from operator_key order by id`);
}

/** Revokes an operator key, from the next request on. Null: there is no such key. */
export async function revokeOperatorKey(sql: Sql, id: string, now: Date): Promise<ApiKeyRow | null> {
  const [row] = await sql.unsafe<ApiKeyRow[]>(
    `update operator_key set revoked_at = coalesce(revoked_at, $2) where id = $1 returning ${COLUMNS}`,
    [id, now],
  );
  return row ?? null;
}
