import type { Consent, EndedBy, EndReason } from '../../domain/closing/closing.ts';
import type { ActionKind, ActivityKind, ReceiptState, Sender } from '../../domain/conversation/activity.ts';
import type { Awaiting, OpenStatus, Starter, Status } from '../../domain/conversation/conversation.ts';
import type { Actor, DeliveryOutcome, Effect, EventKind, Part } from '../../domain/conversation/event.ts';
import type { Keyword } from '../../domain/conversation/keyword.ts';
import type { TimerKind } from '../../domain/policy/channel-rules.ts';
import type { Origin, Policy } from '../../domain/policy/policy.ts';
import type { TimerAction } from '../../domain/time/timer-rules.ts';
import type { ActivityResult } from '../../engine.ts';
import { builder } from './builder.ts';

/** An enum whose every value says what it means. */
export function enumOf<Value extends string>(
  name: string,
  description: string,
  values: Readonly<Record<Value, string>>,
) {
  const described = Object.fromEntries(
    Object.entries<string>(values).map(([value, meaning]) => [value, { description: meaning }]),
  ) as Record<Value, { description: string }>;
  return builder.enumType(name, { description, values: described });
}

const OPEN_STATUSES: Readonly<Record<OpenStatus, string>> = {
  NEW: 'Begun by the business, no reply yet.',
  WAITING: 'Nobody is assigned.',
  ACTIVE: 'An agent is assigned.',
  INACTIVE: 'The customer has gone quiet (SF-5).',
};
export const StatusEnum = enumOf<Status>('ConversationStatus', 'Where a conversation stands.', {
  ...OPEN_STATUSES,
  ENDED: 'Over.',
});
export const OpenStatusEnum = enumOf<OpenStatus>(
  'OpenStatus',
  'Where a conversation that is not over stands.',
  OPEN_STATUSES,
);
export const AwaitingEnum = enumOf<Awaiting>('Awaiting', 'Who has to write next.', {
  CONSUMER: 'The customer.',
  AGENT: 'The business.',
});
export const StarterEnum = enumOf<Starter>('Starter', 'Who began a conversation.', {
  CUSTOMER: 'The customer.',
  AGENT: 'An agent.',
  AUTOMATION: 'An automation, such as a notification.',
});
export const EndReasonEnum = enumOf<EndReason>('EndReason', 'Why a conversation ended.', {
  AUTO_CLOSE: 'It was quiet for the time its policy allows (LP-1).',
  UNANSWERED: 'The customer never answered what the business began (SF-9).',
  PROTECTION: 'The system protection, which nothing switches off (LP-11).',
  INACTIVE: 'It was INACTIVE for too long (SF-8).',
  QUEUE_TIMEOUT: 'It waited in the queue for too long (PE-10).',
  COMMAND: 'Somebody ended it.',
  OPT_OUT: 'The customer opted out (SF-11).',
  SUPERSEDED: 'It goes on in a new conversation (SF-6).',
  NOTIFICATION: 'It was a notification that asked for no answer (SF-10).',
});
export const EndedByEnum = enumOf<EndedBy>('EndedBy', 'Who ended a conversation (PE-14).', {
  CUSTOMER: 'The customer.',
  AGENT: 'An agent.',
  SUPERVISOR: 'A supervisor.',
  BOT: 'A bot.',
  SYSTEM: 'A timer, or a rule.',
});
export const TimerKindEnum = enumOf<TimerKind>('TimerKind', 'The timers a conversation can have.', {
  INACTIVATE: 'The customer has not answered for too long (SF-5).',
  REMIND: 'A warning before the close (PE-2).',
  AUTO_CLOSE: 'Quiet for too long (LP-1).',
  END_INACTIVE: 'INACTIVE for too long (SF-8).',
  END_UNANSWERED: 'What the business began was never answered (SF-9).',
  QUEUE_TIMEOUT: 'In the queue for too long (PE-10).',
  RELEASE_HOLD: 'The hold ends (PE-6).',
  PROTECT: 'The system protection (LP-11).',
});
export const TimerActionEnum = enumOf<TimerAction['does']>('TimerAction', 'What a timer does.', {
  END: 'Ends the conversation.',
  HOLD: 'Puts it on hold instead of ending it (PE-9).',
  TO_QUEUE: 'Puts it back in the queue instead of ending it (PE-9).',
  INACTIVATE: 'Makes it INACTIVE.',
  REMIND: 'Sends a warning.',
  OVERFLOW: 'Sends it to the overflow skill.',
  RELEASE: 'Releases the hold.',
});
export const PolicyScopeEnum = enumOf<Origin['scope']>(
  'PolicyScope',
  'The layers of a policy, the later the stronger.',
  {
    PROFILE: "The profile's default.",
    ACCOUNT: 'Set for the account.',
    CHANNEL: 'Set for the channel.',
    SKILL: 'Set for the skill (LP-4).',
    CHANNEL_AND_SKILL: 'Set for the skill on this channel.',
  },
);
export const AutoCloseAwaitingEnum = enumOf<Policy['autoCloseAwaiting']>(
  'AutoCloseAwaiting',
  'While who is awaited a conversation auto closes.',
  { CONSUMER: 'Only while the customer is (LP-6).', ANYBODY: 'Whoever is.' },
);
export const AutoCloseThenEnum = enumOf<Policy['autoCloseThen']>(
  'AutoCloseThen',
  'What auto close does (PE-9).',
  {
    END: 'Ends the conversation.',
    HOLD: 'Puts it on hold.',
    TO_QUEUE: 'Takes it from its agent: it waits in the queue again.',
  },
);
export const AgentMessageWhenInactiveEnum = enumOf<Policy['agentMessageWhenInactive']>(
  'AgentMessageWhenInactive',
  "What an agent's message to an INACTIVE conversation does (SF-6).",
  {
    REACTIVATE: 'Makes it ACTIVE again.',
    NEW_CONVERSATION: 'Ends it and begins a new one, where the channel allows that; else it is refused.',
  },
);
export const ResettingEnum = enumOf<Exclude<ActivityKind, 'CONSUMER_MESSAGE' | 'AGENT_MESSAGE'>>(
  'ResettingActivity',
  'Activities that a policy may let move the clock of inactivity, beside messages of customers and agents, which always do (LL-10).',
  {
    BOT_MESSAGE: "A bot's message, where bots do not count as agents.",
    AUTOMATION_MESSAGE: 'A message of a workflow or another automation.',
    BROADCAST_MESSAGE: 'A broadcast.',
    CASE_STATUS: 'A new case status.',
    TO_QUEUE: 'A return to the queue.',
    READER_JOINED: 'Somebody joined as a reader.',
    ASSIGN: 'An assignment.',
    TAG: 'Tags.',
    SKILL: 'Another skill.',
    MANUAL_RESPONSE_TIME: 'The promise of an answer.',
    COMMENT: 'A comment for colleagues.',
    TRANSCRIPT_VIEWED: 'Somebody read it.',
    RECEIPT: 'What became of a message.',
    CLIENT: "The customer's client told of itself.",
  },
);
export const PartEnum = enumOf<Part>('DeliveryPart', 'What Lull shows to customers by itself.', {
  WARNING: 'A warning before the close (PE-2).',
  CLOSE_MESSAGE: 'The close message (PE-3).',
  TEMPLATE: 'An approved template instead of the close message, outside the reply window (PE-4).',
  SURVEY: 'The survey.',
  SEPARATOR: 'The line where the conversation ended.',
});
export const DeliveryOutcomeEnum = enumOf<DeliveryOutcome>(
  'DeliveryOutcome',
  'What became of something that Lull had to show to a customer.',
  {
    SENT: 'The channel took it.',
    SKIPPED: 'It was not to be sent, for the reason given.',
    REFUSED: 'The channel would not take it, for the reason given.',
    UNCONFIRMED: 'Nobody knows whether the channel took it; it is not sent again, lest it be shown twice.',
  },
);
export const KeywordEnum = enumOf<Keyword>('Keyword', "What a customer's whole message means (PE-12).", {
  OPT_OUT: 'The customer wants nothing more sent: the conversation ends (SF-11).',
  OPT_IN: 'Who opted out may be written to again.',
  HELP: 'The customer asks for help; nothing follows from it.',
});
export const QueueTimeoutThenEnum = enumOf<Policy['queueTimeoutThen']>(
  'QueueTimeoutThen',
  'What the queue timeout does (PE-10).',
  { END: 'Ends the conversation.', OVERFLOW: 'Sends it to the overflow skill, once.' },
);
export const ConsentEnum = enumOf<Consent>('Consent', 'What a contact said about being written to.', {
  OPTED_IN: 'Agreed.',
  OPTED_OUT: 'Asked not to be (SF-11).',
  UNKNOWN: 'Never said.',
});

const ACTION_KINDS: Readonly<Record<ActionKind, string>> = {
  INBOUND: 'The customer wrote. Takes skillId, clientVersion.',
  OUTBOUND: 'The business wrote. Takes sender (needed), agentId, skillId.',
  START: 'The business begins a conversation. Takes by (needed: AGENT or AUTOMATION), agentId, skillId.',
  COMMENT: 'An internal comment. Takes agentId.',
  TAG: 'Tags were added or removed. Takes add, remove (one of them needed), agentId.',
  ASSIGN: 'Assigned to an agent. Takes agentId (needed).',
  SKILL: 'Moved to a skill. Takes skillId (needed; null: to none).',
  TO_QUEUE: 'Returned to the queue.',
  CASE_STATUS: 'The case status changed. Takes caseStatus (needed; null: to none), agentId.',
  READER_JOINED: 'Somebody joined as a reader (LP-12). Takes agentId.',
  TRANSCRIPT_VIEWED: 'Somebody viewed the transcript without joining (LP-12). Takes agentId.',
  RECEIPT: 'What became of a message. Takes of, state (both needed).',
  CLIENT: "The customer's client reported its version. Takes clientVersion (needed).",
  MANUAL_RESPONSE_TIME:
    'An agent promised an answer (LP-7). Takes responseAt (needed; null: taken back), agentId.',
  INACTIVATE: 'Marked inactive by hand (SF-12). Takes agentId.',
  HOLD: 'Put on hold (PE-6). Takes until (absent: until released or the customer writes), agentId.',
  RELEASE: 'Released from hold. Takes agentId.',
  END: 'Ended. Takes by (needed: CUSTOMER, AGENT, SUPERVISOR or BOT), agentId.',
  REOPEN: 'Opened again by hand. Takes agentId.',
};
export const ActionKindEnum = enumOf<ActionKind>(
  'ActivityKind',
  'What can be reported about a conversation or asked of it.',
  ACTION_KINDS,
);
export const SenderEnum = enumOf<Sender>('Sender', 'Who sent a message of the business.', {
  AGENT: 'A person: the only sender that starts or resets clocks unless the policy says else (SF-13, PE-5).',
  BOT: 'A bot.',
  AUTOMATION: 'A workflow or a notification.',
  BROADCAST: 'A broadcast.',
  OWN: "Lull's own message, or the echo of one (LL-9).",
});
export const ReceiptStateEnum = enumOf<ReceiptState>('ReceiptState', 'What became of a message.', {
  DELIVERED: 'It reached the customer.',
  READ: 'The customer read it.',
  FAILED: 'It did not reach the customer.',
});
export const ActivityByEnum = enumOf<Exclude<EndedBy, 'SYSTEM'> | 'AUTOMATION'>(
  'ActivityBy',
  'Who starts or ends a conversation.',
  {
    CUSTOMER: 'The customer; ends only.',
    AGENT: 'An agent.',
    SUPERVISOR: 'A supervisor; ends only.',
    BOT: 'A bot; ends only.',
    AUTOMATION: 'An automation; starts only.',
  },
);
export const OutcomeEnum = enumOf<ActivityResult['outcome']>(
  'ActivityOutcome',
  'What became of an activity.',
  {
    APPLIED: 'Recorded, with all that follows from it.',
    DUPLICATE:
      'A message with this id was recorded before; nothing changed, and nothing is wrong. Without a conversation: its contact was erased since (PE-15).',
    IGNORED:
      'There was nothing to record it on (LL-9), or it was sent before its contact was erased (PE-15). Nothing is wrong.',
    REFUSED: 'Not possible; `error` says why. Nothing changed.',
  },
);
export const EventKindEnum = enumOf<EventKind>('EventKind', 'What an event tells of.', {
  ...ACTION_KINDS,
  TIMER: 'A timer fired.',
  DELIVERY: 'Something that Lull had to show to the customer was sent, or was not (LL-14).',
  SET_ASIDE: 'Lull could not write it when it was due, and took it out of the automatic work.',
});
export const ActorEnum = enumOf<Actor>('Actor', 'Who did what an event tells of.', {
  CONSUMER: 'The customer, by a message.',
  CUSTOMER: 'The customer, by a command.',
  AGENT: 'An agent.',
  BOT: 'A bot.',
  AUTOMATION: 'An automation.',
  BROADCAST: 'A broadcast.',
  OWN: 'Lull, by a message of its own.',
  SUPERVISOR: 'A supervisor.',
  SYSTEM: 'Lull.',
});
export const EffectEnum = enumOf<Effect>('EventEffect', 'What an event did beyond moving clocks.', {
  STARTED: 'Began the conversation.',
  REOPENED: 'Opened it again (SP-7).',
  REVOKED: 'Undid its end: a message sent before the end came in after it (LL-2).',
  ENDED: 'Ended it.',
});
