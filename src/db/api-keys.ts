import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Sql } from 'postgres';
import { InvalidInputError } from '../domain/errors.ts';

/** What a key may be allowed to do. */
export const SCOPES = [
  'conversations:read',
  'activities:write',
  'conversations:act',
  'policies:write',
  'keys:write',
  'accounts:write',
  'act-as',
] as const;
export type Scope = (typeof SCOPES)[number];

/** Who a valid key stands for. */
export type KeyHolder = { accountId: string; keyId: string; scopes: ReadonlySet<Scope> };

/** A key, as far as it can be read again: never its token. */
export type ApiKeyRow = {
  id: string;
  name: string;
  scopes: Scope[];
  createdAt: Date;
  revokedAt: Date | null;
};

const TOKEN = /^lull_([0-9a-f]{32})_([0-9a-f]{32})_[0-9a-f]{64}$/;
const COLUMNS = 'id, name, scopes, created_at as "createdAt", revoked_at as "revokedAt"';

/** Whether a text names something that a key may be allowed to do. */
export function isScope(text: string): text is Scope {
  return (SCOPES as readonly string[]).includes(text);
}

/** Checks scopes that somebody has named. @throws InvalidInputError naming the first unknown one */
export function readScopes(scopes: readonly string[]): Scope[] {
  if (scopes.length === 0) throw new InvalidInputError('scopes', 'at least one scope is needed');
  return scopes.map((scope, index) => {
    if (isScope(scope)) return scope;
    throw new InvalidInputError(`scopes[${index}]`, `${SCOPES.join(', ')} is allowed`);
  });
}

/**
 * Makes a key to the API and returns its token, which nobody can read again: only its hash is kept.
 * @throws InvalidInputError for an unknown scope, or none
 */
export async function createApiKey(
  { sql }: { sql: Sql },
  { accountId, name, scopes }: { accountId: string; name: string; scopes: readonly string[] },
  { id, now }: { id: string; now: Date },
): Promise<string> {
  const allowed = readScopes(scopes);
  const token = newToken(bare(accountId), bare(id));
  await sql`insert into api_key (account_id, id, name, hash, scopes, created_at)
    values (${accountId}, ${id}, ${name}, ${hashOf(token).toString('hex')}, ${allowed}, ${now})`;
  return token;
}

/** Finds whose key a token is; null for one that is malformed, unknown, wrong or revoked, without saying which. */
export async function verifyApiKey({ sql }: { sql: Sql }, token: string): Promise<KeyHolder | null> {
  const [, account, key] = TOKEN.exec(token) ?? [];
  if (account === undefined || key === undefined) return null;
  const [row] = await sql.unsafe(
    'select account_id, id, hash, scopes, revoked_at from api_key where account_id = $1 and id = $2',
    [account, key],
    { prepare: true },
  );
  if (!row || row.revoked_at !== null || !isHashOf(row.hash, token)) return null;
  return { accountId: row.account_id, keyId: row.id, scopes: new Set(row.scopes as Scope[]) };
}

/** An account's keys by id, that is in the order in which they were made; those after one id, or all. */
export async function listApiKeys(
  sql: Sql,
  accountId: string,
  after: string | null,
  limit: number,
): Promise<ApiKeyRow[]> {
  return await sql.unsafe<ApiKeyRow[]>(
    `select ${COLUMNS} from api_key where account_id = $1 and ($2::uuid is null or id > $2) order by id limit $3`,
    [accountId, after, limit],
    { prepare: true },
  );
}

/** Those of an account's keys that have these ids. */
export async function readApiKeys(sql: Sql, accountId: string, ids: readonly string[]): Promise<ApiKeyRow[]> {
  return await sql.unsafe<ApiKeyRow[]>(
    `select ${COLUMNS} from api_key where account_id = $1 and id = any($2::uuid[])`,
    [accountId, ids as string[]],
    { prepare: true },
  );
}

/** Revokes a key, from the next request on; one that is revoked stays as it is. Null: the account has no such key. */
export async function revokeApiKey(
  sql: Sql,
  { accountId, id }: { accountId: string; id: string },
  now: Date,
): Promise<ApiKeyRow | null> {
  const [row] = await sql.unsafe<ApiKeyRow[]>(
    `update api_key set revoked_at = coalesce(revoked_at, $3) where account_id = $1 and id = $2 returning ${COLUMNS}`,
    [accountId, id, now],
    { prepare: true },
  );
  return row ?? null;
}

/** A token of named parts and a secret. */
export function newToken(...parts: string[]): string {
  return ['lull', ...parts, randomBytes(32).toString('hex')].join('_');
}

/** No salt and no stretching: a token's secret is 256 random bits. */
export function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** Whether a kept hash is a token's, in a time that tells nothing. */
export function isHashOf(hash: string, token: string): boolean {
  return timingSafeEqual(Buffer.from(hash, 'hex'), hashOf(token));
}

/** A UUID without its dashes. */
export function bare(uuid: string): string {
  return uuid.replaceAll('-', '');
}
