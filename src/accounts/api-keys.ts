import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Sql, TransactionSql } from 'postgres';
import { InvalidInputError } from '../domain/errors.ts';

/** The scopes of API keys. */
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

/** The identity of a valid key. */
export type KeyHolder = { accountId: string; keyId: string; scopes: ReadonlySet<Scope> };

/** An API key without its token. */
export type ApiKeyRow = {
  id: string;
  name: string;
  scopes: Scope[];
  createdAt: Date;
  revokedAt: Date | null;
  /** When the key expires; null: it is valid until it is revoked. */
  expiresAt: Date | null;
  /** The creator as histories name it; null: the command line. */
  madeBy: string | null;
};

/** A key to create, with checked scopes. */
export type NewApiKey = {
  accountId: string;
  name: string;
  scopes: readonly Scope[];
  expiresAt: Date | null;
  madeBy: string | null;
  /** The key that revokes this one when it is revoked. */
  boundTo: string | null;
};

const TOKEN = /^lull_([0-9a-f]{32})_([0-9a-f]{32})_[0-9a-f]{64}$/;
export const API_KEY_COLUMNS =
  'id, name, scopes, created_at as "createdAt", revoked_at as "revokedAt", expires_at as "expiresAt", made_by as "madeBy"';

/** Whether a text is a scope. */
export function isScope(text: string): text is Scope {
  return (SCOPES as readonly string[]).includes(text);
}

/** Checks scopes. @throws InvalidInputError naming the first unknown one */
export function readScopes(scopes: readonly string[]): Scope[] {
  if (scopes.length === 0) throw new InvalidInputError('scopes', 'at least one scope is needed');
  return scopes.map((scope, index) => {
    if (isScope(scope)) return scope;
    throw new InvalidInputError(`scopes[${index}]`, `${SCOPES.join(', ')} is allowed`);
  });
}

/**
 * Creates an API key and returns its token. The token cannot be read again, because only its hash is stored.
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

/** Inserts a key and returns its token. */
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
 * Finds the keys of tokens in one statement. Null for a token that is malformed, unknown, wrong, revoked or
 * expired, without telling which.
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

/** An account's keys in the order of creation: those after one id, or all. */
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

/** The keys of an account with these ids. */
export async function readApiKeys(sql: Sql, accountId: string, ids: readonly string[]): Promise<ApiKeyRow[]> {
  return await sql.unsafe<ApiKeyRow[]>(
    `select ${API_KEY_COLUMNS} from api_key where account_id = $1 and id = any($2::uuid[])`,
    [accountId, ids as string[]],
    { prepare: true },
  );
}

/** Composes a token of named parts and a secret. */
export function newToken(...parts: string[]): string {
  return ['lull', ...parts, randomBytes(32).toString('hex')].join('_');
}

/** Hashes a token. It needs neither salt nor stretching, because its secret has 256 random bits. */
export function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** Whether a stored hash belongs to a token, compared in constant time. */
export function isHashOf(hash: string, token: string): boolean {
  return timingSafeEqual(Buffer.from(hash, 'hex'), hashOf(token));
}

/** A UUID without dashes. */
export function bare(uuid: string): string {
  return uuid.replaceAll('-', '');
}
