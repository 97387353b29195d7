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

/** A nullable field whose value is stored in the event's `data`. */
const inData = <Value>(key: string, description: string) => ({
  nullable: true as const,
  description,
  resolve: ({ data }: DomainEvent) => (data?.[key] as Value | null | undefined) ?? null,
});
const instantInData = (key: string, description: string) => ({
  nullable: true as const,
  description,
  resolve: ({ data }: DomainEvent) => (typeof data?.[key] === 'string' ? new Date(data[key]) : null),
});

export const Event = builder.objectRef<DomainEvent>('Event').implement({
  description: 'An event in the feed of a conversation (SP-12). Events are added and never changed.',
  fields: (t) => ({
    revision: t.exposeInt('revision', {
      description: 'The number of the event within its conversation, from 1 without gaps.',
    }),
    kind: t.expose('kind', {
      type: EventKindEnum,
      description: 'The kind of the event; it decides which of the nullable fields have a value.',
    }),
    at: t.expose('at', {
      type: 'DateTime',
      description: 'The time at which it happened, as reported; for a TIMER event, when the timer fired.',
    }),
    recordedAt: t.expose('recordedAt', {
      type: 'DateTime',
      description: 'The time at which Lull recorded it.',
    }),
    actor: t.expose('actor', {
      type: ActorEnum,
      description: 'The party that caused it.',
    }),
    agent: t.field({
      type: Agent,
      nullable: true,
      description: 'The agent who acted; for ASSIGN, the new assignee. Null if no agent is known.',
      resolve: ({ agentId }, _args, { load }) => load.agent(agentId),
    }),
    messageId: t.exposeString('messageId', {
      nullable: true,
      description: 'The id of the message on its channel; null if none was reported.',
    }),
    effect: t.expose('effect', {
      type: EffectEnum,
      nullable: true,
      description:
        'Whether it started, reopened or ended the conversation, or revoked an end; null if none of these.',
    }),
    status: t.expose('status', {
      type: StatusEnum,
      description: 'The status of the conversation after the event.',
    }),
    awaiting: t.expose('awaiting', {
      type: AwaitingEnum,
      description: 'The side that was expected to write next after the event.',
    }),
  }),
});

/** Fields of timers and of what Lull shows to customers. */
builder.objectFields(Event, (t) => ({
  timer: t.expose('timer', {
    type: TimerKindEnum,
    nullable: true,
    description: 'The timer that fired; null unless `kind` is TIMER.',
  }),
  due: t.field({
    type: 'DateTime',
    ...instantInData('due', 'The time at which that timer was due; null unless `kind` is TIMER.'),
  }),
  tag: t.string(inData<string>('tag', 'The tag that an automatic close added (PE-3); null if none.')),
  part: t.field({
    type: PartEnum,
    ...inData<Part>('part', 'The kind of message that Lull sent or skipped; null unless `kind` is DELIVERY.'),
  }),
  outcome: t.field({
    type: DeliveryOutcomeEnum,
    ...inData<DeliveryOutcome>('outcome', 'The result of the delivery; null unless `kind` is DELIVERY.'),
  }),
  reason: t.string(
    inData<string>(
      'reason',
      'The reason for that result, in words (LL-14, PE-4); null unless `kind` is DELIVERY.',
    ),
  ),
}));

/** Fields of single kinds of activity. */
builder.objectFields(Event, (t) => ({
  skill: t.field({
    type: Skill,
    nullable: true,
    description: 'The skill that the activity named; null if none, or if SKILL removed it.',
    resolve: ({ data }, _args, { load }) => (data?.skillId ? load.skill(String(data.skillId)) : null),
  }),
  tagsAdded: t.stringList({
    description: 'The tags that were added, by TAG or by an automatic close (PE-3).',
    resolve: ({ data }) => (data?.add as string[] | undefined) ?? (data?.tag ? [String(data.tag)] : []),
  }),
  tagsRemoved: t.stringList({
    description: 'The tags that were removed by TAG.',
    resolve: ({ data }) => (data?.remove as string[] | undefined) ?? [],
  }),
  caseStatus: t.string(
    inData<string>('caseStatus', 'The new case status; null if CASE_STATUS removed it, or for other kinds.'),
  ),
  until: t.field({
    type: 'DateTime',
    ...instantInData('until', 'The end of the hold that HOLD began; null if it has none (PE-6).'),
  }),
  responseAt: t.field({
    type: 'DateTime',
    ...instantInData(
      'responseAt',
      'The time by which an agent promised to answer; null if the promise was removed (LP-7).',
    ),
  }),
  receiptOf: t.string(inData<string>('of', 'The `messageId` of the message that a RECEIPT is for.')),
  receiptState: t.field({
    type: ReceiptStateEnum,
    ...inData<ReceiptState>('state', 'The delivery state that a RECEIPT reports.'),
  }),
  keyword: t.field({
    type: KeywordEnum,
    ...inData<Keyword>(
      'keyword',
      'The keyword that the message of the customer consisted of (PE-12); null if it was none.',
    ),
  }),
  locale: t.string(
    inData<string>('locale', 'The language that the client reported, as a BCP 47 tag (PE-3).'),
  ),
  clientVersion: t.string(
    inData<string>('clientVersion', 'The version of the app or SDK that the client reported (LP-9).'),
  ),
}));

export const EventConnection = builder.connectionObject(
  { type: Event, name: 'EventConnection', description: 'A page of events.' },
  { name: 'EventEdge', description: 'An event in a list, with its cursor.' },
);
