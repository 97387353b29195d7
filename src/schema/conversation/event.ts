import type { ReceiptState } from '../../domain/conversation/activity.ts';
import type { DeliveryOutcome, Event as DomainEvent, Part } from '../../domain/conversation/event.ts';
import type { Keyword } from '../../domain/conversation/keyword.ts';
import { builder } from '../core/builder.ts';
import {
  ActorEnum,
  AwaitingEnum,
  DeliveryOutcomeEnum,
  EffectEnum,
  EventKindEnum,
  KeywordEnum,
  PartEnum,
  ReceiptStateEnum,
  StatusEnum,
  TimerKindEnum,
} from '../core/enums.ts';
import { Agent, Skill } from '../core/named.ts';

export const Event = builder.objectRef<DomainEvent>('Event').implement({
  description: "One line of a conversation's feed (SP-12). Events are only added, never changed.",
  fields: (t) => ({
    revision: t.exposeInt('revision', { description: 'Its number within the conversation, from 1.' }),
    kind: t.field({ type: EventKindEnum, description: 'What it tells of.', resolve: (event) => event.kind }),
    at: t.field({
      type: 'DateTime',
      description: 'When it happened, as reported; for a timer, when it acted.',
      resolve: (event) => event.at,
    }),
    recordedAt: t.field({
      type: 'DateTime',
      description: 'When Lull acted on it.',
      resolve: (event) => event.recordedAt,
    }),
    actor: t.field({ type: ActorEnum, description: 'Who did it.', resolve: (event) => event.actor }),
    agent: t.field({
      type: Agent,
      nullable: true,
      description: 'The agent who did it, or whom it names; null if none is known.',
      resolve: ({ agentId }, _args, { load }) => load.agent(agentId),
    }),
    messageId: t.exposeString('messageId', {
      nullable: true,
      description: "The message's id at its channel, if it has one.",
    }),
    effect: t.field({
      type: EffectEnum,
      nullable: true,
      description: 'What it did beyond moving clocks; null: nothing.',
      resolve: (event) => event.effect,
    }),
    status: t.field({
      type: StatusEnum,
      description: 'The status of the conversation after it.',
      resolve: (event) => event.status,
    }),
    awaiting: t.field({
      type: AwaitingEnum,
      description: 'Who was awaited after it.',
      resolve: (event) => event.awaiting,
    }),
    timer: t.field({
      type: TimerKindEnum,
      nullable: true,
      description: 'The timer that fired; null if none did.',
      resolve: (event) => event.timer,
    }),
    due: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the timer that fired was due.',
      resolve: instantIn('due'),
    }),
    skill: t.field({
      type: Skill,
      nullable: true,
      description: 'The skill it named.',
      resolve: ({ data }, _args, { load }) => (data?.skillId ? load.skill(String(data.skillId)) : null),
    }),
    tagsAdded: t.stringList({
      description: 'Tags it added: by hand, or at an automatic end (PE-3).',
      resolve: ({ data }) => (data?.add as string[] | undefined) ?? (data?.tag ? [String(data.tag)] : []),
    }),
    tagsRemoved: t.stringList({
      description: 'Tags it removed.',
      resolve: ({ data }) => (data?.remove as string[] | undefined) ?? [],
    }),
    caseStatus: t.string({
      nullable: true,
      description: 'The case status it set.',
      resolve: ({ data }) => (data?.caseStatus as string | undefined) ?? null,
    }),
    until: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'The end of the hold it began (PE-6).',
      resolve: instantIn('until'),
    }),
    responseAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'The answer it promised (LP-7).',
      resolve: instantIn('responseAt'),
    }),
    receiptOf: t.string({
      nullable: true,
      description: 'The id of the message whose receipt it is.',
      resolve: ({ data }) => (data?.of as string | undefined) ?? null,
    }),
    receiptState: t.field({
      type: ReceiptStateEnum,
      nullable: true,
      description: 'What the receipt says.',
      resolve: ({ data }) => (data?.state as ReceiptState | undefined) ?? null,
    }),
    part: t.field({
      type: PartEnum,
      nullable: true,
      description: 'What a DELIVERY was of.',
      resolve: ({ data }) => (data?.part as Part | undefined) ?? null,
    }),
    outcome: t.field({
      type: DeliveryOutcomeEnum,
      nullable: true,
      description: 'What became of a DELIVERY.',
      resolve: ({ data }) => (data?.outcome as DeliveryOutcome | undefined) ?? null,
    }),
    reason: t.string({
      nullable: true,
      description: 'Why a DELIVERY came out as it did, in words (LL-14, PE-4).',
      resolve: ({ data }) => (data?.reason as string | undefined) ?? null,
    }),
    keyword: t.field({
      type: KeywordEnum,
      nullable: true,
      description: "What the customer's message was taken for (PE-12).",
      resolve: ({ data }) => (data?.keyword as Keyword | undefined) ?? null,
    }),
    locale: t.string({
      nullable: true,
      description: 'The language that the client reported (PE-3).',
      resolve: ({ data }) => (data?.locale as string | undefined) ?? null,
    }),
    tag: t.string({
      nullable: true,
      description: 'The tag that an automatic end added (PE-3).',
      resolve: ({ data }) => (data?.tag as string | undefined) ?? null,
    }),
    clientVersion: t.string({
      nullable: true,
      description: 'The version that the client reported (LP-9).',
      resolve: ({ data }) => (data?.clientVersion as string | undefined) ?? null,
    }),
  }),
});

export const EventConnection = builder.connectionObject(
  { type: Event, name: 'EventConnection', description: 'A page of a feed.' },
  { name: 'EventEdge', description: 'One of a feed, with its cursor.' },
);

function instantIn(field: 'due' | 'until' | 'responseAt') {
  return ({ data }: DomainEvent) => (typeof data?.[field] === 'string' ? new Date(data[field]) : null);
}
