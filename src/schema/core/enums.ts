import type { Consent, EndedBy, EndReason } from '../../domain/closing/closing.ts';
import {
  ACTIONS,
  type ActionKind,
  type ActivityKind,
  type ReceiptState,
  type Sender,
} from '../../domain/conversation/activity.ts';
import type { Awaiting, OpenStatus, Starter, Status } from '../../domain/conversation/conversation.ts';
import type { Actor, DeliveryOutcome, Effect, EventKind, Part } from '../../domain/conversation/event.ts';
import type { Keyword } from '../../domain/conversation/keyword.ts';
import type { TimerKind } from '../../domain/policy/channel-rules.ts';
import type { Origin, Policy } from '../../domain/policy/policy.ts';
import type { TimerAction } from '../../domain/time/timer-rules.ts';
import type { ActivityResult } from '../../engine.ts';
import { describeFields } from './activity-fields.ts';
import { builder } from './builder.ts';

/** Adds an enum; the compiler requires a description for each value. */
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
  NEW: 'The business started the conversation and the customer has not replied yet.',
  WAITING: 'The conversation waits in the queue; no agent is assigned.',
  ACTIVE: 'An agent is assigned.',
  INACTIVE: 'The customer did not answer the agent in time, or an agent marked it inactive (SF-5, SF-12).',
};
export const StatusEnum = enumOf<Status>(
  'ConversationStatus',
  'The state of a conversation; it selects the timers that run.',
  {
    ...OPEN_STATUSES,
    ENDED: 'The conversation has ended; `ending` says when, why and by whom.',
  },
);
export const OpenStatusEnum = enumOf<OpenStatus>(
  'OpenStatus',
  'The state of a conversation that has not ended.',
  OPEN_STATUSES,
);
export const AwaitingEnum = enumOf<Awaiting>('Awaiting', 'The side that is expected to write next.', {
  CONSUMER: 'The customer is expected to answer the business.',
  AGENT: 'The business is expected to answer the customer.',
});
export const StarterEnum = enumOf<Starter>('Starter', 'The party that started a conversation.', {
  CUSTOMER: 'The customer wrote first.',
  AGENT: 'An agent wrote first.',
  AUTOMATION: 'An automation wrote first, such as a notification.',
});
export const EndReasonEnum = enumOf<EndReason>(
  'EndReason',
  'The rule, timer or command that ended a conversation.',
  {
    AUTO_CLOSE: 'It had no counted activity for `autoCloseAfter` (LP-1).',
    UNANSWERED: 'The business started it and the customer did not reply in time (SF-9).',
    PROTECTION: 'The system protection ended it; no setting disables that timer (LP-11).',
    INACTIVE: 'It stayed INACTIVE for too long (SF-8).',
    QUEUE_TIMEOUT: 'It waited in the queue for too long (PE-10).',
    COMMAND: 'A customer, agent, supervisor or bot ended it (PE-14).',
    OPT_OUT: 'The customer opted out with a keyword such as STOP (SF-11).',
    SUPERSEDED: 'An agent wrote to it while it was INACTIVE, which started a new conversation (SF-6).',
    NOTIFICATION: 'It held one automated notification, which needs no reply (SF-10).',
  },
);
export const EndedByEnum = enumOf<EndedBy>('EndedBy', 'The role that ended a conversation (PE-14).', {
  CUSTOMER: 'The customer, by a command or by an opt-out keyword (SF-11).',
  AGENT: 'A human agent, by a command.',
  SUPERVISOR: 'A supervisor, by a command.',
  BOT: 'A bot, by a command.',
  SYSTEM: 'Lull, by a timer or another rule.',
});
export const TimerKindEnum = enumOf<TimerKind>('TimerKind', 'A timer that Lull runs on conversations.', {
  INACTIVATE: 'Makes a conversation INACTIVE when the customer does not answer the agent (SF-5).',
  REMIND: 'Sends a warning some time before the automatic close (PE-2).',
  AUTO_CLOSE: 'Closes a conversation without counted activity (LP-1).',
  END_INACTIVE: 'Ends a conversation that stays INACTIVE (SF-8).',
  END_UNANSWERED: 'Ends a conversation that the business started and the customer never answered (SF-9).',
  QUEUE_TIMEOUT: 'Ends a conversation that waits in the queue, or moves it to the overflow skill (PE-10).',
  RELEASE_HOLD: 'Ends a hold at its `heldUntil` (PE-6).',
  PROTECT:
    'The system protection: ends any open conversation without counted activity for 90 days, in profiles that have it. No setting disables it (LP-11).',
});
export const TimerActionEnum = enumOf<TimerAction['does']>('TimerAction', 'The effect of a timer.', {
  END: 'Ends the conversation; `endReason` says why.',
  HOLD: 'Puts the conversation on hold instead of ending it (PE-9).',
  TO_QUEUE: 'Returns the conversation to the queue instead of ending it (PE-9).',
  INACTIVATE: 'Sets the status to INACTIVE (SF-5).',
  REMIND: 'Sends a warning to the customer (PE-2).',
  OVERFLOW: 'Moves the conversation to the overflow skill of its policy (PE-10).',
  RELEASE: 'Releases the conversation from hold (PE-6).',
});
export const PolicyScopeEnum = enumOf<Origin['scope']>(
  'PolicyScope',
  'A layer of the policy. From weakest to strongest: PROFILE, ACCOUNT, CHANNEL, SKILL, CHANNEL_AND_SKILL.',
  {
    PROFILE: 'The default of the profile: no layer sets the field.',
    ACCOUNT: 'Set for the whole account.',
    CHANNEL: 'Set for one channel.',
    SKILL: 'Set for one skill, on all channels (LP-4).',
    CHANNEL_AND_SKILL: 'Set for one skill on one channel.',
  },
);
export const AutoCloseAwaitingEnum = enumOf<Policy['autoCloseAwaiting']>(
  'AutoCloseAwaiting',
  'The conversations that auto close applies to, by who is expected to write next.',
  {
    CONSUMER: 'Only conversations that await the customer (LP-6).',
    ANYBODY: 'All conversations, whoever is awaited.',
  },
);
export const AutoCloseThenEnum = enumOf<Policy['autoCloseThen']>(
  'AutoCloseThen',
  'The effect of auto close on a conversation (PE-9).',
  {
    END: 'Ends the conversation with the reason AUTO_CLOSE.',
    HOLD: 'Puts the conversation on hold.',
    TO_QUEUE: 'Unassigns the agent and returns the conversation to the queue.',
  },
);
export const AgentMessageWhenInactiveEnum = enumOf<Policy['agentMessageWhenInactive']>(
  'AgentMessageWhenInactive',
  "The effect of an agent's message on an INACTIVE conversation (SF-6).",
  {
    REACTIVATE: 'Sets the status back to ACTIVE.',
    NEW_CONVERSATION:
      'Ends the conversation and starts a new one. If the channel cannot do that, the message is refused with NOT_ALLOWED.',
  },
);
export const ResettingEnum = enumOf<Exclude<ActivityKind, 'CONSUMER_MESSAGE' | 'AGENT_MESSAGE'>>(
  'ResettingActivity',
  'An activity that a policy can let reset `lastActivityAt`. Messages of customers and agents always reset it (LL-10).',
  {
    BOT_MESSAGE: "A bot's message, unless the policy counts bots as agents.",
    AUTOMATION_MESSAGE: 'A message of a workflow or another automation.',
    BROADCAST_MESSAGE: 'A message to many customers at once.',
    CASE_STATUS: 'A change of the case status.',
    TO_QUEUE: 'A return to the queue.',
    READER_JOINED: 'A manager or colleague joins as a reader (LP-12).',
    ASSIGN: 'An assignment to an agent.',
    TAG: 'Tags are added or removed.',
    SKILL: 'A move to another skill.',
    MANUAL_RESPONSE_TIME: 'An agent sets or removes a manual response time (LP-7).',
    COMMENT: 'An internal comment.',
    TRANSCRIPT_VIEWED: 'Somebody views the transcript without joining (LP-12).',
    RECEIPT: 'A delivery or read receipt of a message.',
    CLIENT: "The customer's client reports its version or language.",
  },
);
export const PartEnum = enumOf<Part>('DeliveryPart', 'A kind of message that Lull sends to customers.', {
  WARNING: 'A warning before the automatic close (PE-2).',
  CLOSE_MESSAGE: 'The text that tells the customer about the end, in their language (PE-3).',
  TEMPLATE: 'The approved template that replaces the close message outside the reply window (PE-4).',
  SURVEY: 'The exit survey about the conversation (LP-2).',
  SEPARATOR: 'The line that marks the end of the conversation in the thread.',
});
export const DeliveryOutcomeEnum = enumOf<DeliveryOutcome>(
  'DeliveryOutcome',
  'The result of an attempt to show something to a customer.',
  {
    SENT: 'The channel accepted it.',
    SKIPPED: 'Lull did not send it; `reason` says why.',
    REFUSED: 'The channel refused it; `reason` says why.',
    UNCONFIRMED:
      'The channel did not confirm it. Lull does not retry, because the customer could then see it twice.',
  },
);
export const KeywordEnum = enumOf<Keyword>(
  'Keyword',
  'The meaning of a message that consists of one keyword (PE-12).',
  {
    OPT_OUT: 'The customer wants no more messages: the conversation ends (SF-11).',
    OPT_IN: 'The customer agrees again to receive messages.',
    HELP: 'The customer asks for help. Lull takes no action.',
  },
);
export const QueueTimeoutThenEnum = enumOf<Policy['queueTimeoutThen']>(
  'QueueTimeoutThen',
  'The effect of the queue timeout (PE-10).',
  {
    END: 'Ends the conversation with the reason QUEUE_TIMEOUT.',
    OVERFLOW: 'Moves the conversation to the overflow skill, at most once.',
  },
);
export const ConsentEnum = enumOf<Consent>('Consent', 'The consent of a contact to receive messages.', {
  OPTED_IN: 'The contact agreed to receive messages.',
  OPTED_OUT: 'The contact opted out: Lull sends nothing to it (SF-11).',
  UNKNOWN: 'The contact has neither opted in nor opted out.',
});

const ACTION_KINDS: Readonly<Record<ActionKind, string>> = {
  INBOUND: 'The customer sent a message.',
  OUTBOUND: 'The business sent a message.',
  START: 'The business started a conversation.',
  COMMENT: 'An agent wrote an internal comment.',
  TAG: 'Tags were added or removed.',
  ASSIGN: 'The conversation was assigned to an agent.',
  SKILL: 'The conversation moved to another skill, or to none.',
  TO_QUEUE: 'The conversation returned to the queue.',
  CASE_STATUS: 'The case status changed.',
  READER_JOINED: 'A colleague joined the conversation as a reader (LP-12).',
  TRANSCRIPT_VIEWED: 'A colleague viewed the transcript without joining (LP-12).',
  RECEIPT: 'The channel reported a message as delivered, read or failed (LL-8).',
  CLIENT: "The customer's client reported its version or language.",
  MANUAL_RESPONSE_TIME: 'An agent promised to answer by a certain time, or withdrew that promise (LP-7).',
  INACTIVATE: 'An agent marked the conversation inactive (SF-12).',
  HOLD: 'The conversation was put on hold (PE-6).',
  RELEASE: 'The conversation was released from hold (PE-6).',
  END: 'A customer, agent, supervisor or bot ended the conversation (PE-14).',
  REOPEN: 'The ended conversation was reopened by hand.',
};
export const ActionKindEnum = enumOf<ActionKind>(
  'ActivityKind',
  'A kind of activity, with the fields of `ActivityInput` that it allows.',
  Object.fromEntries(
    ACTIONS.map((kind) => [kind, `${ACTION_KINDS[kind]} ${describeFields(kind)}`]),
  ) as Record<ActionKind, string>,
);
export const SenderEnum = enumOf<Sender>('Sender', 'The sender of an outbound message.', {
  AGENT: 'A human agent: by default the only sender whose messages start or reset clocks (SF-13, PE-5).',
  BOT: 'A bot; the policy can count it as an agent.',
  AUTOMATION: 'A workflow or a notification.',
  BROADCAST: 'A broadcast to many customers.',
  OWN: 'Lull itself, or the echo of a message that Lull sent; never resets a timer (LL-9).',
});
export const ReceiptStateEnum = enumOf<ReceiptState>('ReceiptState', 'The delivery state of a message.', {
  DELIVERED: 'It reached the customer.',
  READ: 'The customer read it.',
  FAILED: 'It did not reach the customer, so the customer is not awaited because of it (LL-8).',
});
export const ActivityByEnum = enumOf<Exclude<EndedBy, 'SYSTEM'> | 'AUTOMATION'>(
  'ActivityBy',
  'The role that starts or ends a conversation (PE-14).',
  {
    CUSTOMER: 'The customer. Allowed for END.',
    AGENT: 'A human agent. Allowed for START and END.',
    SUPERVISOR: 'A supervisor. Allowed for END.',
    BOT: 'A bot. Allowed for END.',
    AUTOMATION: 'An automation, such as a notification. Allowed for START.',
  },
);
export const OutcomeEnum = enumOf<ActivityResult['outcome']>(
  'ActivityOutcome',
  'The result of recording an activity.',
  {
    APPLIED: 'The activity was recorded, with all its effects.',
    DUPLICATE:
      'A message with this `messageId` was recorded before. Nothing changed; this is no error. `conversationId` is null if the contact was erased since (PE-15).',
    IGNORED:
      'There is no conversation to record it on (LL-9), or it was sent before its contact was erased (PE-15). Nothing changed; this is no error.',
    REFUSED: 'The activity is not possible; `error` says why. Nothing changed.',
  },
);
export const EventKindEnum = enumOf<EventKind>('EventKind', 'The kind of an event in the feed.', {
  ...ACTION_KINDS,
  TIMER: 'A timer fired; `timer` says which one.',
  DELIVERY: 'Lull sent something to the customer, or did not; `part` and `outcome` say what (LL-14).',
  SET_ASIDE:
    'Lull could not write the conversation when a timer was due and stopped its timers. The next activity restarts them.',
});
export const ActorEnum = enumOf<Actor>('Actor', 'The party that caused an event.', {
  CONSUMER: 'The customer, by a message.',
  CUSTOMER: 'The customer, by a command, such as ending the conversation.',
  AGENT: 'A human agent, by a message or a command.',
  BOT: 'A bot, by a message or by ending the conversation.',
  AUTOMATION: 'A workflow or a notification, by a message.',
  BROADCAST: 'A broadcast to many customers.',
  OWN: 'Lull, by a message that it sent (LL-9).',
  SUPERVISOR: 'A supervisor, by ending the conversation.',
  SYSTEM: 'Lull, by a timer or another rule.',
});
export const EffectEnum = enumOf<Effect>(
  'EventEffect',
  'A change of the conversation that an event caused, beyond resetting clocks.',
  {
    STARTED: 'The event started the conversation.',
    REOPENED: 'The event reopened the conversation (SP-7).',
    REVOKED: 'The event undid an end: the message was sent before the end and arrived after it (LL-2).',
    ENDED: 'The event ended the conversation.',
  },
);
