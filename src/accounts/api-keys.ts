import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Sql, TransactionSql } from 'postgres';
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
  /** From when on it is not valid any more; null: valid until it is revoked. */
  expiresAt: Date | null;
  /** Who made it, as histories keep it; null: somebody at the command line. */
  madeBy: string | null;
};

/** A key to be made, whose scopes have been checked. */
export type NewApiKey = {
  accountId: string;
  name: string;
  scopes: readonly Scope[];
  expiresAt: Date | null;
  madeBy: string | null;
  /** The key with which it is to be revoked. */
  boundTo: string | null;
};

const TOKEN = /^lull_([0-9a-f]{32})_([0-9a-f]{32})_[0-9a-f]{64}$/;
export const API_KEY_COLUMNS =
  'id, name, scopes, created_at as "createdAt", revoked_at as "revokedAt", expires_at as "expiresAt", made_by as "madeBy"';

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
  const key = { accountId, name, scopes: readScopes(scopes), expiresAt: null, madeBy: null, boundTo: null };
  return await insertApiKey(sql, key, { id, now });
}

/** Writes a key to be, and returns its token. */
export async function insertApiKey(
  sql: Sql | TransactionSql,
  { accountId, name, scopes, expiresAt, madeBy, boundTo }: NewApiKey,
  { id, now }: { id: string; now: Date },
): Promise<string> {
  const token = newToken(bare(accountId), bare(id));
  const hash = hashOf(token).toString('hex');
  await sql`
    insert into api_key (account_id, id, name, hash, scopes, created_at, expires_at, made_by, bound_to)
    values (${accountId}, ${id}, ${name}, ${hash}, ${scopes as Scope[]}, ${now}, ${expiresAt}, ${madeBy}, ${boundTo})`;
  return token;
}

/**
 * Finds whose keys tokens are, in one statement; null for one that is malformed, unknown, wrong, revoked or too old,
 * without saying which.
 */
export async function verifyApiKeys(
  { sql }: { sql: Sql },
  tokens: readonly string[],
  now: Date,
): Promise<(KeyHolder | null)[]> {
  const named = tokens.map((token) => TOKEN.exec(token));
  if (named.every((found) => found === null)) return tokens.map(() => null);
  const rows = await sql.unsafe(
    `select at::int, key.account_id, key.id, hash, scopes
     from unnest($1::uuid[], $2::uuid[]) with ordinality as named (account_id, id, at)
     join api_key as key on key.account_id = named.account_id and key.id = named.id
     where revoked_at is null and (expires_at is null or expires_at > $3)`,
    [named.map((found) => found?.[1] ?? null), named.map((found) => found?.[2] ?? null), now],
    { prepare: true },
  );
  const holders: (KeyHolder | null)[] = tokens.map(() => null);
  for (const { at, account_id: accountId, id: keyId, hash, scopes } of rows)
    if (isHashOf(hash, tokens[at - 1] as string))
      holders[at - 1] = { accountId, keyId, scopes: new Set(scopes as Scope[]) };
  return holders;
}

/** An account's keys by id, that is in the order in which they were made; those after one id, or all. */
export async function listApiKeys(
  sql: Sql,
  accountId: string,
  after: string | null,
  limit: number,
): Promise<ApiKeyRow[]> {
  return await sql.unsafe<ApiKeyRow[]>(
    `select ${API_KEY_COLUMNS} from api_key where account_id = $1 and ($2::uuid is null or id > $2) order by id limit $3`,
    [accountId, after, limit],
    { prepare: true },
  );
}

/** Those of an account's keys that have these ids. */
export async function readApiKeys(sql: Sql, accountId: string, ids: readonly string[]): Promise<ApiKeyRow[]> {
  return await sql.unsafe<ApiKeyRow[]>(
    `select ${API_KEY_COLUMNS} from api_key where account_id = $1 and id = any($2::uuid[])`,
    [accountId, ids as string[]],
    { prepare: true },
  );
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
