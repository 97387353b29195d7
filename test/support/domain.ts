import web from '../../src/adapters/channels/web/adapter.ts';
import type { Action, Command } from '../../src/domain/conversation/activity.ts';
import type { Conversation, Ending } from '../../src/domain/conversation/conversation.ts';
import { decide } from '../../src/domain/conversation/decide.ts';
import type { ContactState, DecideContext, Outcome } from '../../src/domain/conversation/outcome.ts';
import { type AccountRules, plainRules } from '../../src/domain/policy/account-rules.ts';
import type { PolicyFields } from '../../src/domain/policy/policy.ts';
import { parsePolicyFields } from '../../src/domain/policy/policy-fields.ts';
import { LULL } from '../../src/domain/policy/profiles.ts';

/** An instant of the day the domain's tests play on. */
export const at = (time: string) => new Date(`2026-03-02T${time.length === 5 ? `${time}:00` : time}Z`);

/** Rules of an account with one web channel, named `web`; durations as ISO 8601 texts. */
export function rulesWith(
  fields: Record<string, unknown> = {},
  more: Partial<AccountRules> = {},
): AccountRules {
  const set: PolicyFields = parsePolicyFields(fields);
  return { ...plainRules(LULL, { id: 'web', adapterId: 'web', rules: web.rules }, set), ...more };
}

/** A conversation that the customer began at 10:00 and Ann answered at 11:00: ACTIVE, the consumer is awaited. */
export function conversationWith(facts: Partial<Conversation> = {}): Conversation {
  return {
    accountId: 'account',
    id: 'conversation',
    contactId: 'contact',
    channelId: 'web',
    skillId: null,
    status: 'ACTIVE',
    awaiting: 'CONSUMER',
    agentId: 'ann',
    caseStatus: null,
    held: false,
    heldUntil: null,
    manualResponseAt: null,
    tags: [],
    stage: 0,
    overflowed: false,
    startedBy: 'CUSTOMER',
    startedAt: at('10:00'),
    lastActivityAt: at('11:00'),
    awaitingSince: at('11:00'),
    statusSince: at('11:00'),
    newestAt: at('11:00'),
    placedAt: at('11:00'),
    ending: null,
    previousId: null,
    revision: 2,
    ...facts,
  };
}

/** How a conversation ended at 12:00: closed by a timer as it was ACTIVE, unless told otherwise. */
export function endingWith(facts: Partial<Ending> = {}): Ending {
  return {
    at: at('12:00'),
    reason: 'AUTO_CLOSE',
    by: 'SYSTEM',
    creditedAgentId: 'ann',
    formerStatus: 'ACTIVE',
    rulesVersion: 1,
    latenessMs: 0,
    ...facts,
  };
}

/** A contact whose newest conversation is this one. */
export function contactWith(latest: Conversation | null, named: Conversation | null = null): ContactState {
  return {
    accountId: 'account',
    contactId: 'contact',
    channelId: 'web',
    isErased: false,
    consent: 'UNKNOWN',
    consentAt: null,
    latest,
    named,
  };
}

/** Asks the real `decide` at an instant, 12:30 if none is given: what happens, happens just then. */
export function deciding(
  state: ContactState,
  action: Action,
  more: Partial<Omit<Command, 'action'>> & Partial<DecideContext> = {},
): Outcome {
  const now = more.now ?? at('12:30');
  return decide(
    state,
    { action, at: more.at ?? now, messageId: more.messageId ?? null, byId: more.byId ?? false },
    {
      rules: more.rules ?? rulesWith(),
      now,
      newId: more.newId ?? (() => 'new'),
      isAvailable: more.isAvailable ?? (() => false),
      history: more.history ?? [],
    },
  );
}

/** The conversation as an applied command left it; fails for any other outcome. */
export function appliedTo(outcome: Outcome): Conversation {
  if (outcome.kind === 'applied') return outcome.conversation;
  throw new Error(
    outcome.kind === 'refused' ? `refused: ${outcome.error.message}` : `ignored: ${outcome.why}`,
  );
}

/** The error's code of a refused command; fails for any other outcome. */
export function codeOf(outcome: Outcome): string {
  if (outcome.kind === 'refused') return outcome.error.code;
  throw new Error(`it was ${outcome.kind}`);
}
