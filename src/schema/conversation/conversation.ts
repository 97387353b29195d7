import type { StoredConversation } from '../../db/rows/conversations.ts';
import { earliest, endsIt } from '../../domain/time/timers.ts';
import type { ChannelRow, ContactRow } from '../../insight/reads.ts';
import { builder } from '../core/builder.ts';
import { pageArgs, readPageArgs, toConnection } from '../core/connection.ts';
import { AwaitingEnum, StarterEnum, StatusEnum } from '../core/enums.ts';
import { soon } from '../core/maybe-async.ts';
import { Agent, Channel, Skill } from '../core/named.ts';
import { Contact } from './contact.ts';
import { Due } from './due.ts';
import { Ending } from './ending.ts';
import { EventConnection } from './event.ts';

export const Conversation = builder.objectRef<StoredConversation>('Conversation');

builder.node(Conversation, {
  name: 'Conversation',
  description: 'A conversation with a customer: facts and clocks, and what will happen to it by itself.',
  id: { resolve: (conversation) => conversation.id, description: 'Unique over all types.' },
  loadManyWithoutCache: (ids, context) => Promise.all(ids.map((id) => context.load.conversation(id))),
  fields: (t) => ({
    status: t.field({ type: StatusEnum, description: 'Where it stands.', resolve: (c) => c.status }),
    awaiting: t.field({
      type: AwaitingEnum,
      description: 'Who has to write next (LP-6).',
      resolve: (c) => c.awaiting,
    }),
    channel: t.field({
      type: Channel,
      description: 'The channel it is on.',
      resolve: (c, _args, { load }) => load.channel(c.channelId) as Promise<ChannelRow>,
    }),
    contact: t.field({
      type: Contact,
      description: 'The customer.',
      resolve: (c, _args, { load }) => load.contact(c.contactId) as Promise<ContactRow>,
    }),
    skill: t.field({
      type: Skill,
      nullable: true,
      description: 'The skill whose queue or agents it belongs to; null: none.',
      resolve: (c, _args, { load }) => load.skill(c.skillId),
    }),
    agent: t.field({
      type: Agent,
      nullable: true,
      description: 'The assigned agent; null: nobody.',
      resolve: (c, _args, { load }) => load.agentOf(c),
    }),
    tags: t.stringList({ description: 'Its tags (PE-7).', resolve: (c) => [...c.tags] }),
    caseStatus: t.exposeString('caseStatus', {
      nullable: true,
      description: 'Its case status, if any (SP-4).',
    }),
    held: t.exposeBoolean('held', {
      description: 'Whether it is on hold: but for the protection, no timer ends it (PE-6).',
    }),
    heldUntil: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the hold ends by itself; null: only by release or a consumer message (PE-6).',
      resolve: (c) => c.heldUntil,
    }),
    manualResponseAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When an agent promised to answer; cleared by the next consumer message (LP-7).',
      resolve: (c) => c.manualResponseAt,
    }),
    startedBy: t.field({ type: StarterEnum, description: 'Who began it.', resolve: (c) => c.startedBy }),
    startedAt: t.field({ type: 'DateTime', description: 'When it began.', resolve: (c) => c.startedAt }),
    lastActivityAt: t.field({
      type: 'DateTime',
      description: 'The clock of inactivity; what moves it is the reset matrix (LL-10). It never goes back.',
      resolve: (c) => c.lastActivityAt,
    }),
    awaitingSince: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Since when the customer is awaited (SF-4); null while the agent is.',
      resolve: (c) => c.awaitingSince,
    }),
    statusSince: t.field({
      type: 'DateTime',
      description: 'When it took its status.',
      resolve: (c) => c.statusSince,
    }),
    due: t.field({
      type: Due,
      nullable: true,
      description:
        'What will happen to it next by itself, of any kind (PE-1). Null: nothing, as things stand. Reckoned from the rules in force now.',
      resolve: (c, _args, { load }) => soon(load.duesOf(c), (dues) => earliest(dues)),
    }),
    endsAt: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'When it will end by itself, if nothing happens before (PE-1). Null: not by itself, as things stand. May lie in the past just after a change of rules.',
      resolve: (c, _args, { load }) => soon(load.duesOf(c), (dues) => earliest(dues, endsIt)?.at ?? null),
    }),
    setAside: t.boolean({
      description:
        'Whether Lull could not write it when it was due and took it out of the automatic work; its feed says so, and the next activity brings it back.',
      resolve: isSetAside,
    }),
    ending: t.field({
      type: Ending,
      nullable: true,
      description: 'How it ended; null while it is open.',
      resolve: (c) => c.ending,
    }),
    previous: t.field({
      type: Conversation,
      nullable: true,
      description: "The contact's conversation before this one; null: it is the first (LP-3).",
      resolve: (c, _args, { load }) => load.conversation(c.previousId),
    }),
    revision: t.exposeInt('revision', { description: 'How many events its feed has.' }),
    feed: t.field({
      type: EventConnection,
      description: 'What happened to it, the oldest first (SP-12).',
      args: pageArgs(50),
      async resolve(c, args, { load }) {
        const page = readPageArgs(args, 'event', (position) => /^\d{1,9}$/.test(position));
        const after = Number(page.after ?? 0);
        const rows = await load.feed({ conversationId: c.id, after, limit: page.limit + 1 });
        return toConnection(rows, page, 'event', (event) => String(event.revision));
      },
    }),
  }),
});

/** One that was set aside is in no lane: no timer will find it. */
function isSetAside(conversation: StoredConversation): boolean {
  return conversation.laneId === null && conversation.status !== 'ENDED';
}
