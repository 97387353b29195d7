import type { TransactionSql } from 'postgres';
import { eraseIdentity, lockContact, openConversationOf } from '../db/erase.ts';
import { inTransaction } from '../db/transaction.ts';
import type { Action } from '../domain/activity.ts';
import { ConversationEndedError, NotFoundError, UnavailableError } from '../domain/errors.ts';
import { apply } from './apply.ts';
import type { LifecycleDeps } from './lifecycle.ts';

const TRIES = 4;

/** The contact's open conversation is another than was thought: begin again. */
class ConversationRaceError extends Error {}

/**
 * Erases a contact (PE-15). Its open conversation ends first, by command, in the same transaction; its
 * conversations and their counts stay, with nobody's name on them. Whoever writes from the address later is a new
 * contact. Doing it again changes nothing.
 * @throws NotFoundError naming `contactId`; UnavailableError where the customer keeps beginning conversations meanwhile
 */
export async function eraseContact(
  deps: LifecycleDeps,
  accountId: string,
  contactId: string,
  end: Extract<Action, { kind: 'END' }>,
): Promise<void> {
  for (let attempt = 1; attempt <= TRIES; attempt++) {
    try {
      return await eraseOnce(deps, accountId, contactId, end);
    } catch (error) {
      const isRace = error instanceof ConversationRaceError || error instanceof ConversationEndedError;
      if (!isRace) throw error;
    }
  }
  throw new UnavailableError('the contact was too busy; nothing was erased');
}

async function eraseOnce(
  deps: LifecycleDeps,
  accountId: string,
  contactId: string,
  end: Extract<Action, { kind: 'END' }>,
): Promise<void> {
  const { sql } = deps.db;
  const conversationId = await openConversationOf(sql, accountId, contactId);
  if (conversationId === null)
    return await inTransaction(sql, (tx) => erase(tx, accountId, contactId, deps.clock.now())).then(() => {});
  const [result] = await apply(
    deps,
    accountId,
    [{ target: { conversationId }, action: end }],
    { kind: 'LIVE' },
    async (tx, act) => {
      const results = await act();
      if (results[0]?.error) throw results[0].error;
      await erase(tx, accountId, contactId, deps.clock.now());
      return results;
    },
  );
  if (result?.error) throw result.error;
}

/** Contacts are locked before their conversations, here as everywhere. */
async function erase(sql: TransactionSql, accountId: string, contactId: string, now: Date): Promise<void> {
  if (!(await lockContact(sql, accountId, contactId))) throw new NotFoundError('contactId', 'contact');
  if ((await openConversationOf(sql, accountId, contactId)) !== null) throw new ConversationRaceError();
  await eraseIdentity(sql, accountId, contactId, now);
}
