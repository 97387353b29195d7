import type { TransactionSql } from 'postgres';
import { countOf } from '../db/rows/counts.ts';
import { orUnavailable } from '../db/sqlstate.ts';
import { inTransaction } from '../db/transaction.ts';
import { checkCount } from '../domain/bounds.ts';
import { ForbiddenError, InvalidInputError, NotFoundError } from '../domain/errors.ts';
import type { EngineDeps } from '../engine.ts';
import { type ApiKeyRow, insertApiKey, type Scope } from './api-keys.ts';
import { revokeApiKey } from './revoke-keys.ts';

/**
 * The creator of a key: a key of the account, an operator key, or an agent's token, which expires by itself.
 */
export type KeyMaker =
  | { kind: 'KEY'; keyId: string }
  | { kind: 'OPERATOR'; keyId: string }
  | { kind: 'TOKEN'; expiresAt: Date };

/** Who creates or revokes keys: their scopes, and the name in histories. */
export type KeyHolderActing = { maker: KeyMaker; scopes: ReadonlySet<Scope>; actor: string };

type KeyDeps = Pick<EngineDeps, 'db' | 'clock' | 'newId'>;
type NewKey = { name: string; scopes: readonly Scope[]; expiresAt: Date | null };

/**
 * Creates a key with scopes that its creator has. It is revoked with the key that created it, and expires with
 * that key or token, unless the account lets keys outlive their creator.
 * @throws ForbiddenError naming a scope that the creator lacks; InvalidInputError naming `expiresAt`, or if the
 * account has the maximum number of keys; UnavailableError
 */
export async function makeKey(
  { db, clock, newId }: KeyDeps,
  accountId: string,
  { name, scopes, expiresAt }: NewKey,
  { maker, scopes: own, actor }: KeyHolderActing,
): Promise<{ apiKey: ApiKeyRow; token: string }> {
  requireScopes(scopes, own);
  const [id, now] = [newId(), clock.now()];
  if (expiresAt !== null && expiresAt <= now)
    throw new InvalidInputError('expiresAt', 'an instant in the future is allowed');
  return await orUnavailable(() =>
    inTransaction(db.sql, async (sql) => {
      checkCount('apiKeys', await countOf(sql, accountId, 'apiKeys', now));
      const makerEnds = await readMakerEnd(sql, accountId, maker, now);
      const [account] = await sql`select keys_outlive_maker from account where account_id = ${accountId}`;
      const isBound = account?.keys_outlive_maker !== true;
      const latest = isBound ? makerEnds : null;
      if (expiresAt !== null && latest !== null && expiresAt > latest)
        throw new InvalidInputError(
          'expiresAt',
          `an instant up to ${latest.toISOString()} is allowed, when the key's creator expires`,
        );
      const until = expiresAt ?? latest;
      const boundTo = isBound && maker.kind !== 'TOKEN' ? maker.keyId : null;
      const key = { accountId, name, scopes, expiresAt: until, madeBy: actor, boundTo };
      const token = await insertApiKey(sql, key, { id, now });
      const apiKey = { id, name, scopes: [...scopes], createdAt: now, revokedAt: null };
      return { apiKey: { ...apiKey, expiresAt: until, madeBy: actor }, token };
    }),
  );
}

/**
 * Revokes a key and the keys bound to it.
 * @throws NotFoundError; ForbiddenError naming a scope of the key that the caller lacks; UnavailableError
 */
export async function revokeKey(
  { db, clock }: KeyDeps,
  accountId: string,
  id: string,
  { scopes: own }: Pick<KeyHolderActing, 'scopes'>,
): Promise<ApiKeyRow> {
  const key = await orUnavailable(() =>
    revokeApiKey(db.sql, { accountId, id }, clock.now(), ({ scopes }) => requireScopes(scopes, own)),
  );
  if (key === null) throw new NotFoundError('id', 'key');
  return key;
}

/** Sets whether new keys of an account outlive their creator. Existing keys stay as they are. */
export async function setKeysOutliveMaker(
  { db }: Pick<EngineDeps, 'db'>,
  accountId: string,
  outlive: boolean,
): Promise<void> {
  await orUnavailable(
    () => db.sql`update account set keys_outlive_maker = ${outlive} where account_id = ${accountId}`,
  );
}

function requireScopes(needed: readonly Scope[], own: ReadonlySet<Scope>): void {
  const missing = needed.find((scope) => !own.has(scope));
  if (missing !== undefined) throw new ForbiddenError(missing);
}

/**
 * When the creator expires; null if it does not. Locks the creator, so that it is not revoked meanwhile.
 * @throws ForbiddenError if it has been revoked
 */
async function readMakerEnd(
  sql: TransactionSql,
  accountId: string,
  maker: KeyMaker,
  now: Date,
): Promise<Date | null> {
  if (maker.kind === 'TOKEN') return maker.expiresAt;
  const [row] =
    maker.kind === 'KEY'
      ? await sql<{ expires_at: Date | null }[]>`
          select expires_at from api_key
          where account_id = ${accountId} and id = ${maker.keyId} and revoked_at is null for share`
      : await sql<{ expires_at: Date | null }[]>`
          select null::timestamptz as expires_at from operator_key
          where id = ${maker.keyId} and revoked_at is null for share`;
  if (!row || (row.expires_at !== null && row.expires_at <= now))
    throw new ForbiddenError('keys:write', 'the calling key has expired or was revoked');
  return row.expires_at;
}
