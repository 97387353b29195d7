import { builder } from '../core/builder.ts';
import { enumOf } from '../core/enums.ts';
import { command } from './command.ts';

/** The roles that end a conversation by command. */
export const EnderEnum = enumOf<'CUSTOMER' | 'AGENT' | 'SUPERVISOR' | 'BOT'>(
  'Ender',
  'Who ends a conversation by command (PE-14).',
  { CUSTOMER: 'The customer.', AGENT: 'An agent.', SUPERVISOR: 'A supervisor.', BOT: 'A bot.' },
);
const BeginnerEnum = enumOf<'AGENT' | 'AUTOMATION'>(
  'Beginner',
  'Who begins a conversation for the business.',
  { AGENT: 'An agent.', AUTOMATION: 'An automation, such as a notification.' },
);

const TAGS = '1 to 50, of up to 100 characters each.';

/** The arguments that commands share, and those of one's own. */
type ArgBuilder = Parameters<Parameters<typeof builder.args>[0]>[0];
const on = (t: ArgBuilder) => ({
  conversationId: t.id({ required: true, description: 'The conversation.' }),
});
const by = (t: ArgBuilder) => ({
  agentId: t.id({ description: 'The agent who does it; absent: whoever asks, if that is an agent.' }),
});

command({
  name: 'startConversation',
  description:
    'Begins a conversation with whoever is at an address; it is NEW until the customer answers (SF-9). Not possible where one is open, or where only customers begin them.',
  possible: 'SOMETIMES',
  args: builder.args((t) => ({
    channelId: t.id({ required: true, description: 'The channel.' }),
    address: t.string({ required: true, description: 'Whom the channel knows the contact as.' }),
    by: t.field({ type: BeginnerEnum, required: true, description: 'Who begins it.' }),
    skillId: t.id({ description: 'The skill it belongs to; absent: none.' }),
    ...by(t),
  })),
  activity: (args) => ({ kind: 'START', ...args }),
});
command({
  name: 'endConversation',
  description: 'Ends a conversation by hand; in whose role is kept (PE-14).',
  possible: 'WHILE_OPEN',
  args: builder.args((t) => ({
    ...on(t),
    by: t.field({ type: EnderEnum, required: true, description: 'In whose role.' }),
    ...by(t),
  })),
  activity: (args) => ({ kind: 'END', ...args }),
});
command({
  name: 'inactivateConversation',
  description: 'Marks an ACTIVE conversation INACTIVE by hand (SF-12), on channels that know this.',
  possible: 'SOMETIMES',
  args: builder.args((t) => ({ ...on(t), ...by(t) })),
  activity: (args) => ({ kind: 'INACTIVATE', ...args }),
});
command({
  name: 'holdConversation',
  description: 'Puts a conversation on hold: but for the protection, no timer ends it (PE-6).',
  possible: 'WHILE_OPEN',
  args: builder.args((t) => ({
    ...on(t),
    until: t.field({
      type: 'DateTime',
      description: 'When the hold ends by itself; absent: by release, or when the customer writes.',
    }),
    ...by(t),
  })),
  activity: (args) => ({ kind: 'HOLD', ...args }),
});
command({
  name: 'releaseConversation',
  description: 'Releases a conversation from hold; its clocks start anew (PE-6).',
  possible: 'SOMETIMES',
  args: builder.args((t) => ({ ...on(t), ...by(t) })),
  activity: (args) => ({ kind: 'RELEASE', ...args }),
});
command({
  name: 'reopenConversation',
  description:
    "Opens an ended conversation again by hand, if it is the contact's newest and its channel allows it.",
  possible: 'SOMETIMES',
  args: builder.args((t) => ({ ...on(t), ...by(t) })),
  activity: (args) => ({ kind: 'REOPEN', ...args }),
});
command({
  name: 'assignConversation',
  description: 'Assigns a conversation to an agent, a bot too.',
  possible: 'WHILE_OPEN',
  args: builder.args((t) => ({
    ...on(t),
    agentId: t.id({ required: true, description: 'Whom it is assigned to.' }),
  })),
  activity: (args) => ({ kind: 'ASSIGN', ...args }),
});
command({
  name: 'returnToQueue',
  description: 'Takes a conversation from its agent: it waits in the queue again.',
  possible: 'WHILE_OPEN',
  args: builder.args((t) => on(t)),
  activity: (args) => ({ kind: 'TO_QUEUE', ...args }),
});
command({
  name: 'setSkill',
  description: 'Moves a conversation to a skill, whose policy then holds for it (LP-4).',
  possible: 'WHILE_OPEN',
  args: builder.args((t) => ({ ...on(t), skillId: t.id({ description: 'The skill; absent: none.' }) })),
  activity: ({ skillId = null, ...args }) => ({ kind: 'SKILL', skillId, ...args }),
});
command({
  name: 'setCaseStatus',
  description: "Sets a conversation's case status, by which a policy may choose what it closes (SP-4).",
  possible: 'ALWAYS',
  args: builder.args((t) => ({
    ...on(t),
    caseStatus: t.string({ description: 'Up to 100 characters; absent: none.' }),
    ...by(t),
  })),
  activity: ({ caseStatus = null, ...args }) => ({ kind: 'CASE_STATUS', caseStatus, ...args }),
});
command({
  name: 'setManualResponseTime',
  description: 'Keeps when an agent promised to answer; until the customer writes next (LP-7).',
  possible: 'WHILE_OPEN',
  args: builder.args((t) => ({
    ...on(t),
    responseAt: t.field({ type: 'DateTime', description: 'When; absent: the promise is taken back.' }),
    ...by(t),
  })),
  activity: ({ responseAt = null, ...args }) => ({ kind: 'MANUAL_RESPONSE_TIME', responseAt, ...args }),
});
command({
  name: 'addTags',
  description: 'Adds tags to a conversation; some may keep it from closing by itself (PE-7).',
  possible: 'ALWAYS',
  args: builder.args((t) => ({
    ...on(t),
    tags: t.stringList({ required: true, description: TAGS }),
    ...by(t),
  })),
  activity: ({ tags, ...args }) => ({ kind: 'TAG', add: tags, ...args }),
});
command({
  name: 'removeTags',
  description: 'Removes tags from a conversation (PE-7).',
  possible: 'ALWAYS',
  args: builder.args((t) => ({
    ...on(t),
    tags: t.stringList({ required: true, description: TAGS }),
    ...by(t),
  })),
  activity: ({ tags, ...args }) => ({ kind: 'TAG', remove: tags, ...args }),
});
command({
  name: 'comment',
  description:
    'Records that an agent commented, for colleagues alone. What was written stays where it was written.',
  possible: 'ALWAYS',
  args: builder.args((t) => ({ ...on(t), ...by(t) })),
  activity: (args) => ({ kind: 'COMMENT', ...args }),
});
