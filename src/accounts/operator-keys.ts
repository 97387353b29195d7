import type { Sql } from 'postgres';
import { bare, hashOf, isHashOf, newToken, readScopes, type Scope } from './api-keys.ts';

/** The identity of a valid operator key, which belongs to no account. */
export type Operator = { keyId: string; scopes: ReadonlySet<Scope> };

const TOKEN = /^lull_op_([0-9a-f]{32})_[0-9a-f]{64}$/;
/** An operator key without its token. */
export type OperatorKeyRow = {
  id: string;
  name: string;
  scopes: Scope[];
  createdAt: Date;
  revokedAt: Date | null;
};

export const OPERATOR_KEY_COLUMNS = 'id, name, scopes, created_at as "createdAt", revoked_at as "revokedAt"';

/**
 * Creates a key for any account, which each request names, and returns its token. Only its hash is stored.
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

/** Whether a token has the form of an operator's. */
export function isOperatorToken(token: string): boolean {
  return token.startsWith('lull_op_');
}

/**
 * Finds the operator keys of tokens in one statement; null for a token that is malformed, unknown, wrong or
 * revoked.
 */
export async function verifyOperatorKeys(
  { sql }: { sql: Sql },
  tokens: readonly string[],
): Promise<(Operator | null)[]> {
  const ids = tokens.map((token) => TOKEN.exec(token)?.[1] ?? null);
  if (ids.every((id) => id === null)) return tokens.map(() => null);
  const rows = await sql.unsafe(
    `select at::int, operator_key.id, hash, scopes
     from unnest($1::uuid[]) with ordinality as named (id, at)
     join operator_key on operator_key.id = named.id
     where revoked_at is null`,
    [ids],
    { prepare: true },
  );
  const holders: (Operator | null)[] = tokens.map(() => null);
  for (const { at, id: keyId, hash, scopes } of rows)
    if (isHashOf(hash, tokens[at - 1] as string))
      holders[at - 1] = { keyId, scopes: new Set(scopes as Scope[]) };
  return holders;
}

/** Every operator key, in the order of creation. */
export async function listOperatorKeys(sql: Sql): Promise<OperatorKeyRow[]> {
  return await sql.unsafe<OperatorKeyRow[]>(`select ${OPERATOR_KEY_COLUMNS} from operator_key order by id`);
}
