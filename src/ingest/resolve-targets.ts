import { addressKey, type ContactAddress } from '../db/rows/contacts.ts';
import type { Action, Command } from '../domain/conversation/activity.ts';
import { InvalidInputError, type LullError, NotFoundError } from '../domain/errors.ts';
import type { AccountRules } from '../domain/policy/account-rules.ts';
import { isPlain, PLAIN } from '../domain/text.ts';
import { isUuid, NIL } from '../domain/uuid.ts';
import type { Activity, EngineDeps } from '../engine.ts';
import { type Found, type Lookup, lookUp } from './ingest-lookup.ts';

/** How far in the future the timestamp of an activity may be. It is recorded as now. */
const MAX_AHEAD_MS = 60_000;

/** An activity with its contact, or the error with which it is refused. `index`: its position in the call. */
export type Item =
  | {
      index: number;
      contactId: string;
      conversationId: string | null;
      channelId: string | null;
      command: Command;
    }
  | { index: number; refused: LullError };

/**
 * The resolved activities of a call. `newContacts` must be created with their ids, which the items use already. `found` has,
 * by index, the unlocked rows that were read at `readAt` of the database's time.
 */
export type Resolved = {
  rules: AccountRules;
  items: Item[];
  newContacts: (ContactAddress & { id: string })[];
  found: Found[];
  readAt: Date;
};

/**
 * Finds the contacts, conversations, agents and skills of a call's activities, in a constant number of round trips. It takes no
 * lock, because the id of a contact never changes.
 */
export async function resolveTargets(
  { db, rules: cache, newId }: Pick<EngineDeps, 'db' | 'rules' | 'newId'>,
  accountId: string,
  activities: readonly Activity[],
  now: Date,
): Promise<Resolved> {
  const read = await lookUp(db.sql, accountId, activities.map(lookupOf));
  if (read === null) throw new NotFoundError('accountId', 'account');
  const rules = await cache.at(accountId, read.rulesVersion);

  const newContacts = new Map<string, ContactAddress & { id: string }>();
  const items = activities.map((activity, index): Item => {
    try {
      const { target, action } = activity;
      const found = read.found[index] as Found;
      checkReferences(action, found);
      if (action.kind === 'CASE_STATUS') checkCaseStatus(action.caseStatus, rules);
      const command: Command = {
        action: asSentBy(action, found),
        at: instantOf(activity.at ?? now, now),
        messageId: activity.messageId ?? null,
        byId: 'conversationId' in target,
      };
      const contactId = found.contact?.id;
      if ('conversationId' in target) {
        if (contactId === undefined) throw new NotFoundError('conversationId', 'conversation');
        return { index, contactId, conversationId: target.conversationId, channelId: null, command };
      }
      if (!rules.channels.has(target.channelId)) throw new NotFoundError('channelId', 'channel');
      if (target.address === '')
        throw new InvalidInputError('address', 'a text that is not empty is allowed');
      // An existing contact keeps its address, whatever its characters.
      if (contactId === undefined && !isPlain(target.address))
        throw new InvalidInputError('address', `a text ${PLAIN}, is allowed`);
      if (contactId !== undefined)
        return { index, contactId, conversationId: null, channelId: target.channelId, command };
      const key = addressKey(target);
      const created = newContacts.get(key) ?? { ...target, id: newId() };
      newContacts.set(key, created);
      return { index, contactId: created.id, conversationId: null, channelId: target.channelId, command };
    } catch (error) {
      return { index, refused: error as LullError };
    }
  });
  return { rules, items, newContacts: [...newContacts.values()], found: read.found, readAt: read.readAt };
}

/** The look-up for an activity. A malformed id matches nothing. */
function lookupOf({ target, action, messageId }: Activity, index: number): Lookup {
  const idOf = (id: string) => (isUuid(id) ? id : NIL);
  const { agentId, skillId } = action as { agentId?: string; skillId?: string | null };
  return {
    index,
    target:
      'conversationId' in target
        ? { conversationId: idOf(target.conversationId) }
        : { channelId: idOf(target.channelId), address: target.address },
    messageId: messageId ?? null,
    agentId: agentId ? idOf(agentId) : null,
    skillId: skillId ? idOf(skillId) : null,
  };
}

function checkReferences(action: Action, { agentKind, hasSkill }: Found): void {
  const { agentId, skillId } = action as { agentId?: string; skillId?: string | null };
  if (agentId && agentKind === null) throw new NotFoundError('agentId', 'agent');
  if (skillId && !hasSkill) throw new NotFoundError('skillId', 'skill');
}

/** A message of an agent that is a bot counts as a bot's, however it was reported (SF-13, PE-5). */
function asSentBy(action: Action, { agentKind }: Found): Action {
  const isBots = action.kind === 'OUTBOUND' && action.sender === 'AGENT' && agentKind === 'BOT';
  return isBots ? { ...action, sender: 'BOT' } : action;
}

/** @throws InvalidInputError that lists the case statuses of the account (SP-4) */
function checkCaseStatus(caseStatus: string | null, { caseStatuses }: AccountRules): void {
  if (caseStatus === null || caseStatuses.has(caseStatus)) return;
  const allowed =
    caseStatuses.size === 0
      ? 'only null is allowed, because the account has no case statuses; set them with setCaseStatuses'
      : `${[...caseStatuses].join(', ')} or null is allowed`;
  throw new InvalidInputError('caseStatus', allowed);
}

function instantOf(at: Date, now: Date): Date {
  if (Number.isNaN(at.getTime()) || at.getTime() < 0)
    throw new InvalidInputError('at', 'an instant since 1970 is allowed');
  if (at.getTime() - now.getTime() > MAX_AHEAD_MS)
    throw new InvalidInputError('at', 'an instant at most one minute in the future is allowed');
  return at > now ? now : at;
}
