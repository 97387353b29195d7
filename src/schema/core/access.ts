import { type JWTPayload, jwtVerify } from 'jose';
import { isScope, type KeyHolder, type Scope, verifyApiKeys } from '../../accounts/api-keys.ts';
import type { KeyMaker } from '../../accounts/keys.ts';
import { isOperatorToken, type Operator, verifyOperatorKeys } from '../../accounts/operator-keys.ts';
import type { Clock } from '../../clock.ts';
import type { Config } from '../../config.ts';
import { orUnavailable } from '../../db/sqlstate.ts';
import { ForbiddenError, InvalidInputError, NotFoundError } from '../../domain/errors.ts';
import { isUuid } from '../../domain/uuid.ts';
import type { EngineDeps } from '../../engine.ts';
import { readAccount, readNamed } from '../../insight/reads.ts';
import { gathered, shared } from './batch.ts';
import { decodeId } from './ids.ts';
import { isTheTokensFault, type KeyServerOptions, openKeyServer } from './key-server.ts';
import { isStorable } from './text.ts';

/** What a request shows: its token, and what its headers `x-lull-account` and `x-lull-agent` name. */
export type Credentials = { token: string; account: string | null; agent: string | null };

/** On whose behalf a request works, and what it may do. */
export type Caller = {
  accountId: string;
  /** What counts as one caller for the rate limit. */
  who: string;
  scopes: ReadonlySet<Scope>;
  /** Who asks, as histories keep it: `key:…`, `operator:…` or `agent:…`. */
  actor: string;
  /** What keys that it makes are made by. */
  maker: KeyMaker;
  /** The agent who acts: the subject of a JWT, or whom a key with `act-as` names; null: none is known. */
  agentId: string | null;
};

/** Finds who a request is by; null where its token is not valid, without saying why. */
export type Identify = (credentials: Credentials) => Promise<Caller | null>;

type AccessDeps = Pick<EngineDeps, 'db' | 'clock'>;
type Claims = { account: string; subject: string; scopes: ReadonlySet<Scope>; expiresAt: Date };

/** Pinned: a token says itself how it is signed, and must not be believed. */
const ALGORITHMS = ['RS256', 'ES256'];
/** How far the clock of who signs may be from ours. */
const CLOCK_TOLERANCE_SECONDS = 5;

/**
 * Makes what finds who a request is by: the holder of an account's key; that of an operator key, which names the
 * account; or, where JWTs are set up, an agent.
 * What it makes throws NotFoundError for an account or agent that is not there, InvalidInputError for a malformed or
 * missing one, and ForbiddenError where an agent is named without the scope `act-as`.
 */
export function openAccess(deps: AccessDeps, jwt: Config['jwt'], keyServer: KeyServerOptions = {}): Identify {
  const verifyKey = shared(
    gathered((tokens: readonly string[]) => verifyApiKeys(deps.db, tokens, deps.clock.now())),
  );
  const verifyOperator = shared(gathered((tokens: readonly string[]) => verifyOperatorKeys(deps.db, tokens)));
  const verifyJwt = jwt === null ? null : openJwt(deps.clock, jwt, keyServer);
  return (credentials) => orUnavailable(() => identify(credentials));

  async function identify(credentials: Credentials): Promise<Caller | null> {
    const { token } = credentials;
    const caller = isOperatorToken(token)
      ? await identifyOperator(deps, credentials, verifyOperator)
      : token.startsWith('lull_')
        ? await identifyHolder(token, verifyKey)
        : await identifyAgent(deps, (await verifyJwt?.(token)) ?? null);
    if (caller === null) return null;
    if (credentials.account !== null && readAccountId(credentials.account) !== caller.accountId)
      throw new NotFoundError('x-lull-account', 'account');
    return await actingAs(deps, caller, credentials.agent);
  }
}

async function identifyHolder(
  token: string,
  verifyKey: (token: string) => Promise<KeyHolder | null>,
): Promise<Caller | null> {
  const holder = await verifyKey(token);
  if (holder === null) return null;
  const { accountId, keyId, scopes } = holder;
  const who = `key:${keyId}`;
  return { accountId, who, scopes, actor: who, maker: { kind: 'KEY', keyId }, agentId: null };
}

async function identifyOperator(
  { db }: AccessDeps,
  { token, account }: Credentials,
  verifyOperator: (token: string) => Promise<Operator | null>,
): Promise<Caller | null> {
  const operator = await verifyOperator(token);
  if (operator === null) return null;
  if (account === null)
    throw new InvalidInputError('x-lull-account', 'an operator key has to name an account in this header');
  const accountId = readAccountId(account);
  if ((await readAccount(db.sql, accountId)) === null) throw new NotFoundError('x-lull-account', 'account');
  const { keyId, scopes } = operator;
  const who = `operator:${keyId}`;
  return { accountId, who, scopes, actor: who, maker: { kind: 'OPERATOR', keyId }, agentId: null };
}

async function identifyAgent({ db }: AccessDeps, claims: Claims | null): Promise<Caller | null> {
  if (claims === null) return null;
  const { account, subject, scopes, expiresAt } = claims;
  const [row] = await db.sql.unsafe(
    'select id from agent where account_id = $1 and subject = $2',
    [account, subject],
    { prepare: true },
  );
  if (!row) return null;
  const who = `agent:${row.id}`;
  const maker: KeyMaker = { kind: 'TOKEN', expiresAt };
  return { accountId: account, who, scopes, actor: who, maker, agentId: row.id };
}

/** The same caller in the name of an agent of the account; unchanged where no agent is named. */
async function actingAs({ db }: AccessDeps, caller: Caller, agent: string | null): Promise<Caller> {
  if (agent === null) return caller;
  if (!caller.scopes.has('act-as')) throw new ForbiddenError('act-as');
  const agentId = isUuid(agent) ? agent.toLowerCase() : decodeId('Agent', agent, 'x-lull-agent');
  const [row] = await readNamed(db.sql, 'agent', caller.accountId, [agentId]);
  if (!row) throw new NotFoundError('x-lull-agent', 'agent');
  return { ...caller, agentId, actor: `agent:${agentId} by ${caller.who}` };
}

function readAccountId(account: string): string {
  return isUuid(account) ? account.toLowerCase() : decodeId('Account', account, 'x-lull-account');
}

/** Makes what reads a JWT; null for one that is not to be believed. What it makes throws UnavailableError where that cannot be known. */
function openJwt(
  clock: Clock,
  { jwksUrl, issuer, audience }: NonNullable<Config['jwt']>,
  keyServer: KeyServerOptions,
) {
  const keys = openKeyServer(jwksUrl, keyServer);
  return async (token: string): Promise<Claims | null> => {
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience,
        algorithms: ALGORITHMS,
        requiredClaims: ['exp', 'sub', 'account', 'scope'],
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        currentDate: clock.now(),
      });
      return readClaims(payload);
    } catch (error) {
      if (isTheTokensFault(error)) return null;
      throw error;
    }
  };
}

/** Scopes that are not ours are another service's. */
function readClaims({ sub, account, scope, exp }: JWTPayload): Claims | null {
  if (typeof sub !== 'string' || typeof account !== 'string' || typeof scope !== 'string') return null;
  const expiresAt = new Date(Number(exp) * 1_000);
  if (Number.isNaN(expiresAt.getTime())) return null;
  const accountId = isUuid(account) ? account.toLowerCase() : accountOf(account);
  if (accountId === null || !isStorable(sub)) return null;
  return { account: accountId, subject: sub, scopes: new Set(scope.split(' ').filter(isScope)), expiresAt };
}

function accountOf(globalId: string): string | null {
  try {
    return decodeId('Account', globalId, 'account');
  } catch {
    return null;
  }
}
