import type { StoredConversation } from '../../db/rows/conversations.ts';
import { earliest, endsIt } from '../../domain/time/timers.ts';
import type { ContactRow } from '../../insight/reads/contacts.ts';
import type { ChannelRow } from '../../insight/reads/named.ts';
import { builder } from '../core/builder.ts';
import { pageArgs, readPageArgs, toConnection } from '../core/connection.ts';
import { AwaitingEnum, StarterEnum, StatusEnum } from '../core/enums.ts';
import { chain } from '../core/maybe-async.ts';
import { Agent, Channel, Skill } from '../core/named.ts';
import { Contact } from './contact.ts';
import { Due } from './due.ts';
import { Ending } from './ending.ts';
import { EventConnection } from './event.ts';

export const Conversation = builder.objectRef<StoredConversation>('Conversation');

builder.node(Conversation, {
  name: 'Conversation',
  description:
    'A conversation with one customer on one channel: its state, its clocks and what will happen to it.',
  id: {
    resolve: (conversation) => conversation.id,
    description: 'The global id: unique across all types, opaque.',
  },
  loadManyWithoutCache: (ids, context) => Promise.all(ids.map((id) => context.load.conversation(id))),
  fields: (t) => ({
    status: t.expose('status', {
      type: StatusEnum,
      description: 'The state of the conversation, which selects the timers that run.',
    }),
    awaiting: t.expose('awaiting', {
      type: AwaitingEnum,
      description: 'The side that is expected to write next (LP-6).',
    }),
    tags: t.stringList({
      description: 'The tags of the conversation; some can exempt it from timers (PE-7).',
      resolve: (c) => [...c.tags],
    }),
    caseStatus: t.exposeString('caseStatus', {
      nullable: true,
      description: 'The case status; null if none is set (SP-4).',
    }),
    held: t.exposeBoolean('held', {
      description: 'Whether the conversation is on hold. Only the system protection can end it then (PE-6).',
    }),
    startedBy: t.expose('startedBy', {
      type: StarterEnum,
      description: 'The party that wrote first.',
    }),
    setAside: t.boolean({
      description:
        'Whether Lull could not write the conversation when a timer was due and stopped its timers. The feed has a SET_ASIDE event; the next activity restarts the timers.',
      resolve: isSetAside,
    }),
    ending: t.expose('ending', {
      type: Ending,
      nullable: true,
      description: 'When, why and by whom the conversation was ended; null while it is open.',
    }),
    revision: t.exposeInt('revision', {
      description: 'The number of events in the feed. It grows by one with each event.',
    }),
  }),
});

builder.objectFields(Conversation, (t) => ({
  channel: t.field({
    type: Channel,
    description: 'The channel that the conversation takes place on; its rules apply.',
    resolve: (c, _args, { load }) => load.channel(c.channelId) as Promise<ChannelRow>,
  }),
  contact: t.field({
    type: Contact,
    description: 'The customer, at one address on the channel.',
    resolve: (c, _args, { load }) => load.contact(c.contactId) as Promise<ContactRow>,
  }),
  skill: t.field({
    type: Skill,
    nullable: true,
    description:
      'The skill that the conversation belongs to, whose policy applies to it (LP-4); null if none.',
    resolve: (c, _args, { load }) => load.skill(c.skillId),
  }),
  agent: t.field({
    type: Agent,
    nullable: true,
    description: 'The assigned agent; null if nobody is assigned.',
    resolve: (c, _args, { load }) => load.agentOf(c),
  }),
  previous: t.field({
    type: Conversation,
    nullable: true,
    description: "The contact's conversation before this one; null if this is the first (LP-3).",
    resolve: (c, _args, { load }) => load.conversation(c.previousId),
  }),
  feed: t.field({
    type: EventConnection,
    description: 'The events of the conversation, the oldest first (SP-12).',
    args: pageArgs(50),
    async resolve(c, args, { load }) {
      const page = readPageArgs(args, 'event', (position) => /^\d{1,9}$/.test(position));
      const after = Number(page.after ?? 0);
      const rows = await load.feed({ conversationId: c.id, after, limit: page.limit + 1 });
      return toConnection(rows, page, 'event', (event) => String(event.revision));
    },
  }),
}));

builder.objectFields(Conversation, (t) => ({
  startedAt: t.expose('startedAt', {
    type: 'DateTime',
    description: 'The time at which the conversation started, as reported.',
  }),
  lastActivityAt: t.expose('lastActivityAt', {
    type: 'DateTime',
    description:
      'The time of the last counted activity. `resetOn` of the policy says which activities count (LL-10). It never goes back.',
  }),
  awaitingSince: t.expose('awaitingSince', {
    type: 'DateTime',
    nullable: true,
    description:
      "The time since which the customer is awaited: the agent's first unanswered message (SF-4). Null while the business is awaited.",
  }),
  statusSince: t.expose('statusSince', {
    type: 'DateTime',
    description: 'The time of the last change of `status`.',
  }),
  heldUntil: t.expose('heldUntil', {
    type: 'DateTime',
    nullable: true,
    description:
      'The end of the hold; null if there is no hold, or it lasts until it is released or the customer writes (PE-6).',
  }),
  manualResponseAt: t.expose('manualResponseAt', {
    type: 'DateTime',
    nullable: true,
    description:
      'The time by which an agent promised to answer; null if there is no promise. The next message of the customer clears it (LP-7).',
  }),
  due: t.field({
    type: Due,
    nullable: true,
    description: 'The next timer of any kind, by the rules in force now (PE-1); null if no timer runs.',
    resolve: (c, _args, { load }) => chain(load.duesOf(c), (dues) => earliest(dues)),
  }),
  endsAt: t.field({
    type: 'DateTime',
    nullable: true,
    description:
      'The time at which the next timer ends the conversation if nothing happens before (PE-1); null if no timer will. It can lie in the past for a moment after a change of rules.',
    resolve: (c, _args, { load }) => chain(load.duesOf(c), (dues) => earliest(dues, endsIt)?.at ?? null),
  }),
}));

/** An open conversation in no lane was set aside: no timer will find it. */
function isSetAside(conversation: StoredConversation): boolean {
  return conversation.laneId === null && conversation.status !== 'ENDED';
}
