import { type JWTPayload, jwtVerify } from 'jose';
import { findAgentBySubject } from '../../accounts/agent-by-subject.ts';
import { isScope, type KeyHolder, type Scope, verifyApiKeys } from '../../accounts/api-keys.ts';
import type { KeyMaker } from '../../accounts/keys.ts';
import { isOperatorToken, type Operator, verifyOperatorKeys } from '../../accounts/operator-keys.ts';
import type { Clock } from '../../clock.ts';
import type { Config } from '../../config.ts';
import { orUnavailable } from '../../db/sqlstate.ts';
import { ForbiddenError, InvalidInputError, NotFoundError } from '../../domain/errors.ts';
import { isUuid } from '../../domain/uuid.ts';
import type { EngineDeps } from '../../engine.ts';
import { readAccount } from '../../insight/reads/account.ts';
import { readNamed } from '../../insight/reads/named.ts';
import { batchedWithLimit, coalesced } from './batch.ts';
import { decodeId } from './ids.ts';
import { isInvalidToken, type KeyServerOptions, openKeyServer } from './key-server.ts';
import { isStorable } from './text.ts';

/** The token of a request, and its headers `x-lull-account` and `x-lull-agent`. */
type Credentials = { token: string; account: string | null; agent: string | null };

/** The authenticated caller of a request. */
export type Caller = {
  accountId: string;
  /** The identity that rate limits count by. */
  who: string;
  scopes: ReadonlySet<Scope>;
  /** The author of changes in histories: `key:…`, `operator:…` or `agent:…`. */
  actor: string;
  /** Recorded as the maker of the keys that the caller creates. */
  maker: KeyMaker;
  /** The acting agent: the subject of a JWT, or the agent that a key with `act-as` names; null if there is none. */
  agentId: string | null;
};

/** Authenticates a request; null if its token is invalid, for whatever reason. */
export type Identify = (credentials: Credentials) => Promise<Caller | null>;

type AccessDeps = Pick<EngineDeps, 'db' | 'clock'>;
type Claims = { account: string; subject: string; scopes: ReadonlySet<Scope>; expiresAt: Date };

/** Pinned, because a forged token can name any algorithm. */
const ALGORITHMS = ['RS256', 'ES256'];
/** Tolerated difference between the issuer's clock and this one. */
const CLOCK_TOLERANCE_SECONDS = 5;

/**
 * Makes the function that authenticates requests. A token is an account's key, an operator key or, if JWTs are configured, an
 * agent's token. With an operator key the request has to name the account.
 * The function throws NotFoundError for an unknown account or agent and InvalidInputError for a malformed or missing one. It
 * throws ForbiddenError if the request names an agent and the key lacks the scope `act-as`.
 */
export function openAccess(deps: AccessDeps, jwt: Config['jwt'], keyServer: KeyServerOptions = {}): Identify {
  const verifyKey = coalesced(
    batchedWithLimit((tokens: readonly string[]) => verifyApiKeys(deps.db, tokens, deps.clock.now())),
  );
  const verifyOperator = coalesced(
    batchedWithLimit((tokens: readonly string[]) => verifyOperatorKeys(deps.db, tokens)),
  );
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
    throw new InvalidInputError('x-lull-account', 'required with an operator key: the id of the account');
  const accountId = readAccountId(account);
  if ((await readAccount(db.sql, accountId)) === null) throw new NotFoundError('x-lull-account', 'account');
  const { keyId, scopes } = operator;
  const who = `operator:${keyId}`;
  return { accountId, who, scopes, actor: who, maker: { kind: 'OPERATOR', keyId }, agentId: null };
}

async function identifyAgent({ db }: AccessDeps, claims: Claims | null): Promise<Caller | null> {
  if (claims === null) return null;
  const { account, subject, scopes, expiresAt } = claims;
  const agentId = await findAgentBySubject(db.sql, account, subject);
  if (agentId === null) return null;
  const who = `agent:${agentId}`;
  const maker: KeyMaker = { kind: 'TOKEN', expiresAt };
  return { accountId: account, who, scopes, actor: who, maker, agentId };
}

/** Makes the caller act as an agent of the account, if the request names one. */
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

/** Makes the function that verifies a JWT; null if it is invalid. It throws UnavailableError if the keys cannot be read. */
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
      if (isInvalidToken(error)) return null;
      throw error;
    }
  };
}

/** Ignores unknown scopes: one token can serve several services. */
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
