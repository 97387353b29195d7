import { randomBytes } from 'node:crypto';
import type { TransactionSql } from 'postgres';
import type { Vault } from '../adapters/vault.ts';
import { closeCircuit } from '../db/rows/circuits.ts';
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
  type EndpointRow,
  insertEndpoint,
  lockEndpoint,
  replaceSecret,
  writeDisabled,
  writeEndpoint,
  writeSecret,
} from './endpoint-rows.ts';

/** What setting endpoints up needs. */
export type EndpointDeps = RulesDeps & {
  /** Keeps their secrets. */
  vault: Pick<Vault, 'seal'>;
  /** Whether webhooks may go to private addresses, and by http. */
  allowPrivateWebhooks: boolean;
};

/** Endpoints an account may have at most: each is looked at for every event. */
const MAX_ENDPOINTS = BOUNDS.webhookEndpoints.max;
/** How long the former secret signs too after a rotation. */
const FORMER_SECRET_MS = 24 * 60 * 60_000;
const SECRET_BYTES = 32;

/**
 * Makes an endpoint; a change of rules. Its secret is told this once: what is kept of it is encrypted, and no history
 * has it. So there is no idempotency key, whose answer would have to be kept too.
 * @throws InvalidInputError naming `url` or `events`; NotFoundError naming `channelId`; OutOfBoundsError over 50; nothing is changed then
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

/** What to change of an endpoint; undefined stays. `secret` comes with another `url`, and with nothing else. */
export type EndpointChanges = {
  [Field in keyof EndpointFields | 'secret']?: (EndpointFields & { secret: string })[Field] | undefined;
};

/**
 * Changes an endpoint; a change of rules. What is owed already goes to the new address. Another address comes with the
 * secret that signs there, which its caller knows: that of the endpoint, or one of their own. It alone signs then, so
 * that nobody else's address ever gets a body signed for somebody who did not ask for it.
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
    // An address that stays is not looked at anew: it may have been allowed when it was set.
    const read = readFields(deps, { url, events, channelId }, changes.url === undefined);
    checkChannel(rules, read.channelId);
    const secret = readMoved(before, read, changes.secret);
    await writeEndpoint(sql, accountId, endpointId, read);
    if (secret !== null) await replaceSecret(sql, accountId, endpointId, deps.vault.seal(secret));
    if (read.url !== before.url) await closeCircuit(sql, { accountId, destinationId: endpointId });
    return { ...before, ...read };
  });
}

/**
 * Gives an endpoint a new secret, told this once. The former one signs too for 24 hours, so that whoever verifies has
 * time to change; another rotation meanwhile ends the one before the last at once. It stands in the history of rules.
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
    const until = new Date(now.getTime() + FORMER_SECRET_MS);
    await writeSecret(sql, accountId, endpointId, deps.vault.seal(secret), until);
    const change = changeOf(endpointId, endpoint, endpoint);
    return { ...change, after: { ...change.after, secretRotatedAt: now.toISOString() } };
  });
  return { result: { id: endpointId, secret }, caused };
}

/** Stops sending to an endpoint, what is owed to it already included; disabled already it stays so. @throws NotFoundError, ConflictError */
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

/** Sends to an endpoint again, from the next event on; one that is not disabled is held back no longer. @throws NotFoundError, ConflictError */
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
 * Deletes an endpoint for good, its address and its secrets at once; what is owed to it is dropped. Its log is found
 * no more, and goes within 30 days.
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

/** Disables an endpoint that has answered that it wants no more; a change of rules like any other. Gone already: nothing. */
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

/** Changes an endpoint, once for the call's key. `change` answers how it then stands; null: nothing is to be noted. */
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

/** The secret that comes with another address; null: it is the same one. @throws SecretsNeededError, InvalidInputError */
function readMoved(before: EndpointFields, after: EndpointFields, secret: string | undefined): string | null {
  if (before.url === after.url) {
    if (secret === undefined) return null;
    throw new InvalidInputError('secret', 'none without another url: rotateWebhookSecret makes a new one');
  }
  if (secret === undefined) throw new SecretsNeededError('url', ['secret']);
  if (!STANDARD_SECRET.test(secret))
    throw new InvalidInputError('secret', 'whsec_ and 24 to 64 bytes in base64 are allowed');
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

/** The history is read by many: of an address, whose path may be a secret, it has the host alone. */
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
