import { addressKey, type ContactAddress, contactIds } from '../db/contacts.ts';
import { contactsOfConversations } from '../db/conversations.ts';
import { readKnown } from '../db/directory.ts';
import type { Action, Command } from '../domain/activity.ts';
import { InvalidInputError, type LullError, NotFoundError } from '../domain/errors.ts';
import type { AccountRules } from '../domain/rules.ts';
import { isUuid } from '../domain/uuid.ts';
import type { Activity, LifecycleDeps } from './lifecycle.ts';

/** How far ahead of now an activity may be stamped; within, it is stamped now. */
const AHEAD_MS = 60_000;

/** An activity with its contact found, or why it is refused. `index`: its place in the call. */
export type Item =
  | {
      index: number;
      contactId: string;
      conversationId: string | null;
      channelId: string | null;
      command: Command;
    }
  | { index: number; refused: LullError };

/** A call's activities, resolved. `newContacts` are to be made, by the ids the items already carry. */
export type Resolved = {
  rules: AccountRules;
  items: Item[];
  newContacts: (ContactAddress & { id: string })[];
};

/** Finds what a call's activities refer to, without a lock: contacts' ids never change. Constant round trips. */
export async function resolve(
  deps: LifecycleDeps,
  accountId: string,
  activities: readonly Activity[],
  now: Date,
): Promise<Resolved> {
  const { sql } = deps.db;
  const conversationIds = new Set<string>();
  const addresses = new Map<string, ContactAddress>();
  const agentIds = new Set<string>();
  const skillIds = new Set<string>();
  for (const { target, action } of activities) {
    if ('conversationId' in target) conversationIds.add(target.conversationId);
    else if (isUuid(target.channelId)) addresses.set(addressKey(target), target);
    const { agentId, skillId } = action as { agentId?: string; skillId?: string | null };
    if (agentId) agentIds.add(agentId);
    if (skillId) skillIds.add(skillId);
  }
  const none = new Map<string, string>();
  const [contactOf, contactAt, known] = await Promise.all([
    conversationIds.size
      ? contactsOfConversations(sql, accountId, [...conversationIds].filter(isUuid))
      : none,
    addresses.size ? contactIds(sql, accountId, [...addresses.values()]) : none,
    readKnown(sql, accountId, [...agentIds].filter(isUuid), [...skillIds].filter(isUuid)),
  ]);
  if (known.rulesVersion === null) throw new NotFoundError('accountId', 'account');
  const rules = await deps.rules.at(accountId, known.rulesVersion);

  const newContacts = new Map<string, ContactAddress & { id: string }>();
  const items = activities.map((activity, index): Item => {
    try {
      const { target, action } = activity;
      checkReferences(action, known.agentIds, known.skillIds);
      if (action.kind === 'CASE_STATUS') checkCaseStatus(action.caseStatus, rules);
      const command: Command = {
        action: asSentBy(action, known.botIds),
        at: instantOf(activity.at ?? now, now),
        messageId: activity.messageId ?? null,
        byId: 'conversationId' in target,
      };
      if ('conversationId' in target) {
        const contactId = contactOf.get(target.conversationId);
        if (contactId === undefined) throw new NotFoundError('conversationId', 'conversation');
        return { index, contactId, conversationId: target.conversationId, channelId: null, command };
      }
      if (!rules.channels.has(target.channelId)) throw new NotFoundError('channelId', 'channel');
      if (target.address === '')
        throw new InvalidInputError('address', 'a text that is not empty is allowed');
      const key = addressKey(target);
      const contactId = contactAt.get(key) ?? newContacts.get(key)?.id ?? deps.newId();
      if (!contactAt.has(key)) newContacts.set(key, { ...target, id: contactId });
      return { index, contactId, conversationId: null, channelId: target.channelId, command };
    } catch (error) {
      return { index, refused: error as LullError };
    }
  });
  return { rules, items, newContacts: [...newContacts.values()] };
}

function checkReferences(action: Action, agentIds: ReadonlySet<string>, skillIds: ReadonlySet<string>): void {
  const { agentId, skillId } = action as { agentId?: string; skillId?: string | null };
  if (agentId && !agentIds.has(agentId)) throw new NotFoundError('agentId', 'agent');
  if (skillId && !skillIds.has(skillId)) throw new NotFoundError('skillId', 'skill');
}

/** A message of an agent who is a bot is a bot's, whatever it was reported as (SF-13, PE-5). */
function asSentBy(action: Action, botIds: ReadonlySet<string>): Action {
  const isBots = action.kind === 'OUTBOUND' && action.sender === 'AGENT' && botIds.has(action.agentId ?? '');
  return isBots ? { ...action, sender: 'BOT' } : action;
}

/** @throws InvalidInputError listing the case statuses that the account has (SP-4) */
function checkCaseStatus(caseStatus: string | null, { caseStatuses }: AccountRules): void {
  if (caseStatus === null || caseStatuses.has(caseStatus)) return;
  const allowed =
    caseStatuses.size === 0 ? 'the account has none yet' : `${[...caseStatuses].join(', ')} is allowed`;
  throw new InvalidInputError('caseStatus', `${allowed}, or null`);
}

function instantOf(at: Date, now: Date): Date {
  if (Number.isNaN(at.getTime()) || at.getTime() < 0)
    throw new InvalidInputError('at', 'an instant since 1970 is allowed');
  if (at.getTime() - now.getTime() > AHEAD_MS)
    throw new InvalidInputError('at', 'an instant at most one minute ahead is allowed');
  return at > now ? now : at;
}
