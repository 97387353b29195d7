import { randomBytes } from 'node:crypto';
import type { TransactionSql } from 'postgres';
import type { Vault } from '../adapters/vault.ts';
import { closeCircuit } from '../db/rows/circuits.ts';
import { type EndpointRow, lockEndpoint } from '../db/rows/webhook-endpoints.ts';
import { BOUNDS, checkLength } from '../domain/bounds.ts';
import { WEBHOOK_EVENTS } from '../domain/closing/owed-effects.ts';
import { InvalidInputError, NotFoundError, OutOfBoundsError, SecretsNeededError } from '../domain/errors.ts';
import type { AccountRules } from '../domain/policy/account-rules.ts';
import { STANDARD_SECRET } from '../domain/standard-secret.ts';
import type { Causing } from '../engine.ts';
import { readTargetUrl } from '../outgoing/target-url.ts';
import { type Author, changeRules, type RulesChange, type RulesDeps } from './change-rules.ts';
import { changeRulesOnce, type OnceRequest } from './change-rules-once.ts';
import {
  clearEndpoint,
  countEndpoints,
  type EndpointFields,
  insertEndpoint,
  writeDisabled,
  writeEndpoint,
  writeSecret,
} from './endpoint-rows.ts';

/** What the flow needs to create and change endpoints. */
export type EndpointDeps = RulesDeps & {
  /** Encrypts their secrets. */
  vault: Pick<Vault, 'seal'>;
  /** Whether webhooks may go to private addresses and over plain HTTP. */
  allowPrivateWebhooks: boolean;
};

/** The maximum number of endpoints of an account. Each of them is checked for every event. */
const MAX_ENDPOINTS = BOUNDS.webhookEndpoints.max;
/** How long the former secret also signs after a rotation. */
const FORMER_SECRET_MS = 24 * 60 * 60_000;
const SECRET_BYTES = 32;

/**
 * Creates an endpoint, which is a change of rules. Its secret is returned only this once: it is stored encrypted,
 * and not in the history. There is no idempotency key, because its stored answer would contain the secret.
 * @throws InvalidInputError naming `url` or `events`; NotFoundError naming `channelId`; OutOfBoundsError over 50;
 * nothing is changed then
 */
export async function createEndpoint(
  deps: EndpointDeps,
  accountId: string,
  asked: EndpointFields,
  author: Author,
): Promise<Causing<{ id: string; secret: string }>> {
  const id = deps.newId();
  const secret = newSecret();
  const fields = readFields(deps, asked);
  const { caused } = await changeRules(deps, { accountId, author }, async (sql, rules) => {
    checkChannel(rules, fields.channelId);
    if ((await countEndpoints(sql, accountId)) >= MAX_ENDPOINTS)
      throw new OutOfBoundsError('webhookEndpoints', '0', String(MAX_ENDPOINTS));
    await insertEndpoint(
      sql,
      accountId,
      { ...fields, id, secret: deps.vault.seal(secret) },
      deps.clock.now(),
    );
    return changeOf(id, null, { ...fields, disabledAt: null });
  });
  return { result: { id, secret }, caused };
}

/**
 * Changes of an endpoint; undefined fields stay. `secret` is given together with a new `url`, and only then.
 */
export type EndpointChanges = {
  [Field in keyof EndpointFields | 'secret']?: (EndpointFields & { secret: string })[Field] | undefined;
};

/**
 * Changes an endpoint, which is a change of rules. Waiting effects go to the new URL. A new URL needs the secret
 * that signs there, which the caller must know: the present one, or a new one. Only this secret signs from then
 * on, so no other receiver gets a body that is signed for somebody else.
 * @throws NotFoundError, InvalidInputError, SecretsNeededError, ConflictError; nothing is changed then
 */
export async function updateEndpoint(
  deps: EndpointDeps,
  request: OnceRequest,
  endpointId: string,
  changes: EndpointChanges,
): Promise<Causing<{ id: string }>> {
  const { accountId } = request;
  return await changeEndpoint(deps, request, endpointId, async (sql, before, rules) => {
    const { url = before.url, events = before.events, channelId = before.channelId } = changes;
    // An unchanged URL is not checked again: it may have been allowed when it was set.
    const read = readFields(deps, { url, events, channelId }, changes.url === undefined);
    checkChannel(rules, read.channelId);
    const secret = readMoved(before, read, changes.secret);
    await writeEndpoint(sql, accountId, endpointId, read);
    if (secret !== null)
      await writeSecret(sql, accountId, endpointId, { secret: deps.vault.seal(secret), formerUntil: null });
    if (read.url !== before.url) await closeCircuit(sql, { accountId, destinationId: endpointId });
    return { ...before, ...read };
  });
}

/**
 * Replaces the secret of an endpoint and returns the new one, only this once. The former one also signs for 24
 * hours, so that receivers have time to change. Another rotation ends the one before the former at once. It is a
 * change of rules.
 * @throws NotFoundError naming `endpointId`
 */
export async function rotateSecret(
  deps: EndpointDeps,
  accountId: string,
  endpointId: string,
  author: Author,
): Promise<Causing<{ id: string; secret: string }>> {
  const secret = newSecret();
  const { caused } = await changeRules(deps, { accountId, author }, async (sql) => {
    const endpoint = await found(sql, accountId, endpointId);
    const now = deps.clock.now();
    const formerUntil = new Date(now.getTime() + FORMER_SECRET_MS);
    await writeSecret(sql, accountId, endpointId, { secret: deps.vault.seal(secret), formerUntil });
    const change = changeOf(endpointId, endpoint, endpoint);
    return { ...change, after: { ...change.after, secretRotatedAt: now.toISOString() } };
  });
  return { result: { id: endpointId, secret }, caused };
}

/** Stops sending to an endpoint, waiting effects included. @throws NotFoundError, ConflictError */
export async function disableEndpoint(
  deps: RulesDeps,
  request: OnceRequest,
  endpointId: string,
): Promise<Causing<{ id: string }>> {
  const { accountId } = request;
  return await changeEndpoint(deps, request, endpointId, async (sql, before) => {
    if (before.disabledAt !== null) return null;
    const disabledAt = deps.clock.now();
    await writeDisabled(sql, accountId, endpointId, disabledAt);
    await closeCircuit(sql, { accountId, destinationId: endpointId });
    return { ...before, disabledAt };
  });
}

/**
 * Sends to an endpoint again from the next event on, and closes its circuit breaker.
 * @throws NotFoundError, ConflictError
 */
export async function enableEndpoint(
  deps: RulesDeps,
  request: OnceRequest,
  endpointId: string,
): Promise<Causing<{ id: string }>> {
  const { accountId } = request;
  return await changeEndpoint(deps, request, endpointId, async (sql, before) => {
    await writeDisabled(sql, accountId, endpointId, null);
    await closeCircuit(sql, { accountId, destinationId: endpointId });
    return before.disabledAt === null ? null : { ...before, disabledAt: null };
  });
}

/**
 * Deletes an endpoint with its URL and its secrets for good, and drops its waiting effects. Its log can no longer
 * be read and is removed within 30 days.
 * @throws NotFoundError, ConflictError
 */
export async function deleteEndpoint(
  deps: RulesDeps,
  request: OnceRequest,
  endpointId: string,
): Promise<Causing<{ id: string }>> {
  const { accountId } = request;
  return await changeRulesOnce(deps, request, async (sql) => {
    const endpoint = await found(sql, accountId, endpointId);
    await clearEndpoint(sql, accountId, endpointId, deps.clock.now());
    await closeCircuit(sql, { accountId, destinationId: endpointId });
    return { change: changeOf(endpointId, endpoint, null), result: { id: endpointId } };
  });
}

/**
 * Disables an endpoint that answered 410 Gone, which is a change of rules. Does nothing if the endpoint is
 * deleted.
 */
export async function disableUnwanted(
  deps: RulesDeps,
  accountId: string,
  endpointId: string,
): Promise<Causing<void>> {
  const author = { changedBy: 'lull', why: 'it answered 410: it wants no more' };
  const { caused } = await changeRules(deps, { accountId, author }, async (sql) => {
    const before = await lockEndpoint(sql, accountId, endpointId);
    if (before === null || before.disabledAt !== null) return null;
    const disabledAt = deps.clock.now();
    await writeDisabled(sql, accountId, endpointId, disabledAt);
    await closeCircuit(sql, { accountId, destinationId: endpointId });
    return changeOf(endpointId, before, { ...before, disabledAt });
  });
  return { result: undefined, caused };
}

/**
 * Changes an endpoint once for the idempotency key of the call. `change` returns the endpoint's new fields for the
 * history, or null if nothing changed.
 */
async function changeEndpoint(
  deps: RulesDeps,
  request: OnceRequest,
  endpointId: string,
  change: (sql: TransactionSql, before: EndpointRow, rules: AccountRules) => Promise<EndpointRow | null>,
): Promise<Causing<{ id: string }>> {
  const { accountId } = request;
  return await changeRulesOnce(deps, request, async (sql, rules) => {
    const before = await found(sql, accountId, endpointId);
    const after = await change(sql, before, rules);
    return {
      change: after === null ? null : changeOf(endpointId, before, after),
      result: { id: endpointId },
    };
  });
}

async function found(sql: TransactionSql, accountId: string, endpointId: string): Promise<EndpointRow> {
  const endpoint = await lockEndpoint(sql, accountId, endpointId);
  if (endpoint === null) throw new NotFoundError('endpointId', 'endpoint');
  return endpoint;
}

/**
 * The secret that comes with a new URL; null if the URL is the same.
 * @throws SecretsNeededError, InvalidInputError
 */
function readMoved(before: EndpointFields, after: EndpointFields, secret: string | undefined): string | null {
  if (before.url === after.url) {
    if (secret === undefined) return null;
    throw new InvalidInputError(
      'secret',
      'must be omitted unless url changes; rotateWebhookSecret creates a new secret',
    );
  }
  if (secret === undefined) throw new SecretsNeededError('url', ['secret']);
  if (!STANDARD_SECRET.test(secret))
    throw new InvalidInputError('secret', 'whsec_ followed by 24 to 64 bytes in base64 is allowed');
  return secret;
}

function readFields(
  { allowPrivateWebhooks }: EndpointDeps,
  { url, events, channelId }: EndpointFields,
  isUrlKept = false,
): EndpointFields {
  if (events.length === 0) throw new InvalidInputError('events', 'at least one event is needed');
  checkLength(events, 'events', BOUNDS.endpointEvents.max);
  for (const [index, event] of events.entries())
    if (!(WEBHOOK_EVENTS as readonly string[]).includes(event))
      throw new InvalidInputError(`events[${index}]`, `${WEBHOOK_EVENTS.join(', ')} is allowed`);
  const readUrl = isUrlKept ? url : readTargetUrl(url, 'url', allowPrivateWebhooks);
  return { url: readUrl, events: [...new Set(events)], channelId };
}

function checkChannel(rules: AccountRules, channelId: string | null): void {
  if (channelId !== null && !rules.channels.has(channelId)) throw new NotFoundError('channelId', 'channel');
}

type Noted = EndpointFields & Pick<EndpointRow, 'disabledAt'>;

/** Only the host of a URL, for the history: the path may contain a secret. */
function changeOf(endpointId: string, before: Noted | null, after: Noted | null): RulesChange {
  const asKept = ({ url, events, disabledAt }: Noted) => ({
    endpointId,
    host: new URL(url).host,
    events,
    disabledAt: disabledAt?.toISOString() ?? null,
  });
  const isMoved = before !== null && after !== null && before.url !== after.url;
  return {
    kind: 'ENDPOINT',
    channelId: (after ?? before)?.channelId ?? null,
    skillId: null,
    before: before && asKept(before),
    after: after && { ...asKept(after), ...(isMoved ? { urlChanged: true } : {}) },
  };
}

function newSecret(): string {
  return `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`;
}
