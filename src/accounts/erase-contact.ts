import type { TransactionSql } from 'postgres';
import { type ErasedIdentifier, keepErased, NOTHING_KNOWN } from '../db/rows/erased-identifiers.ts';
import { keysNaming, replaceKeys } from '../db/rows/idempotency-keys.ts';
import { inTransaction } from '../db/transaction.ts';
import type { Action } from '../domain/conversation/activity.ts';
import { ConversationEndedError, NotFoundError, UnavailableError } from '../domain/errors.ts';
import type { Causing, EngineDeps, IdentifierHash } from '../engine.ts';
import {
  eraseIdentity,
  type Identity,
  isSomethingUnderWay,
  lockContact,
  messageIdsOf,
  openConversationOf,
} from './erase-rows.ts';

const TRIES = 4;
/** An attempt to send takes 15 s at most, and its echo arrives soon afterwards. */
const ECHOES_MS = 60_000;

/** The contact has another open conversation than expected. Start again. */
class ConversationRaceError extends Error {}

/**
 * Erases a contact (PE-15). Its open conversation ends first, by command, in the same transaction. Its
 * conversations and their counts stay and identify nobody. Keyed hashes of its address and message ids are kept
 * for 30 days, so that repeated calls are recognised. A message that is sent later from the address starts a new
 * contact. Erasing again changes nothing.
 * @throws NotFoundError naming `contactId`; UnavailableError if the customer keeps starting conversations
 * meanwhile
 */
export async function eraseContact(
  deps: EngineDeps,
  accountId: string,
  contactId: string,
  end: Extract<Action, { kind: 'END' }>,
): Promise<Causing<void>> {
  for (let attempt = 1; attempt <= TRIES; attempt++) {
    try {
      return await eraseOnce(deps, accountId, contactId, end);
    } catch (error) {
      const isRace = error instanceof ConversationRaceError || error instanceof ConversationEndedError;
      if (!isRace) throw error;
    }
  }
  throw new UnavailableError('the contact changed too often; nothing was erased; repeat the call');
}

async function eraseOnce(
  deps: EngineDeps,
  accountId: string,
  contactId: string,
  end: Extract<Action, { kind: 'END' }>,
): Promise<Causing<void>> {
  const { sql } = deps.db;
  const conversationId = await openConversationOf(sql, accountId, contactId);
  if (conversationId === null) {
    await inTransaction(sql, (tx) => erase(deps, tx, accountId, contactId));
    return { result: undefined, caused: {} };
  }
  const activity = { target: { conversationId }, action: end };
  const { result, caused } = await deps.recordAround(accountId, [activity], async (tx, act) => {
    const results = await act();
    if (results[0]?.error) throw results[0].error;
    await erase(deps, tx, accountId, contactId);
    return results;
  });
  if (result[0]?.error) throw result[0].error;
  return { result: undefined, caused };
}

/** Locks the contact before its conversations, the order of locks everywhere. */
async function erase(
  { identifierHash, clock }: EngineDeps,
  sql: TransactionSql,
  accountId: string,
  contactId: string,
): Promise<void> {
  const contact = await lockContact(sql, accountId, contactId);
  if (contact === null) throw new NotFoundError('contactId', 'contact');
  if ((await openConversationOf(sql, accountId, contactId)) !== null) throw new ConversationRaceError();
  const now = clock.now();
  const kept = await hashesOf(identifierHash, sql, { accountId, contactId }, { ...contact, now });
  if (kept.length > 0) await keepErased(sql, accountId, kept);
  if (contact.address !== null) await eraseFromKeys(identifierHash, sql, accountId, contact.address);
  await eraseIdentity(sql, accountId, contactId, now);
}

/** The hashes of a contact's address, with its opt-out, and of its message ids. */
async function hashesOf(
  identifierHash: IdentifierHash,
  sql: TransactionSql,
  { accountId, contactId }: { accountId: string; contactId: string },
  { channelId, address, consent, consentAt, now }: Identity & { now: Date },
): Promise<ErasedIdentifier[]> {
  const kept = (await messageIdsOf(sql, accountId, contactId)).map(
    (value): ErasedIdentifier => ({
      hash: identifierHash({ kind: 'MESSAGE', accountId, channelId, value }),
      ...{ ...NOTHING_KNOWN, erasedAt: now },
    }),
  );
  if (address === null) return kept;
  const hash = identifierHash({ kind: 'ADDRESS', accountId, channelId, value: address });
  const said = consent === 'OPTED_OUT' ? { consent, consentAt } : { consent: null, consentAt: null };
  // The echo of a message may arrive before its answer and name the address again.
  const isUnderWay = await isSomethingUnderWay(sql, accountId, contactId);
  const echoesUntil = isUnderWay ? new Date(now.getTime() + ECHOES_MS) : null;
  return [...kept, { hash, erasedAt: now, ...said, echoesUntil }];
}

/** Idempotency keys that contain the address, with or without the plus sign of a telephone number. */
async function eraseFromKeys(
  identifierHash: IdentifierHash,
  sql: TransactionSql,
  accountId: string,
  address: string,
): Promise<void> {
  const keys = await keysNaming(sql, accountId, address.replace(/^\+(?=.)/, ''));
  if (keys.length === 0) return;
  const erasedKeyOf = (value: string) =>
    identifierHash({ kind: 'IDEMPOTENCY_KEY', accountId, channelId: null, value });
  await replaceKeys(
    sql,
    accountId,
    keys.map((key) => ({ key, erasedKey: erasedKeyOf(key) })),
  );
}
