import { BOUNDS } from '../../domain/bounds.ts';
import { builder } from '../core/builder.ts';
import { enumOf } from '../core/enums.ts';
import { command } from './command.ts';

/** The roles that can end a conversation by command. */
export const EnderEnum = enumOf<'CUSTOMER' | 'AGENT' | 'SUPERVISOR' | 'BOT'>(
  'Ender',
  'The role that ends a conversation by command (PE-14).',
  {
    CUSTOMER: 'The customer, for example by closing the chat.',
    AGENT: 'A human agent; the agent that the request acts as is recorded.',
    SUPERVISOR: 'A supervisor of the agents.',
    BOT: 'A bot, for example after it answered the question.',
  },
);
const BusinessStarterEnum = enumOf<'AGENT' | 'AUTOMATION'>(
  'Beginner',
  'The party that starts a conversation for the business.',
  { AGENT: 'A human agent who writes first.', AUTOMATION: 'An automation, such as a notification.' },
);

const TAGS = `1 to ${BOUNDS.tagsOfActivity.max} tags of up to ${BOUNDS.tag.max} characters each.`;

/** Makes the arguments of a mutation. */
type ArgBuilder = Parameters<Parameters<typeof builder.args>[0]>[0];
const on = (t: ArgBuilder) => ({
  conversationId: t.id({
    required: true,
    description: 'The id of the conversation. Code NOT_FOUND if the account has no such conversation.',
  }),
});
const by = (t: ArgBuilder) => ({
  agentId: t.id({
    description: 'The id of the acting agent. Default: the agent that the request acts as, if any.',
  }),
});

command({
  name: 'startConversation',
  description:
    'Starts a conversation with the contact at an address. Its status is NEW until the customer answers (SF-9). Code NOT_ALLOWED if one is open already, or if only customers can start conversations on the channel.',
  possible: 'SOMETIMES',
  args: builder.args((t) => ({
    channelId: t.id({
      required: true,
      description: 'The id of the channel. Code NOT_FOUND if the account has no such channel.',
    }),
    address: t.string({
      required: true,
      description: 'The identifier of the contact on the channel, such as a phone number.',
    }),
    by: t.field({ type: BusinessStarterEnum, required: true, description: 'The party that starts it.' }),
    skillId: t.id({ description: 'The id of the skill that the conversation belongs to. Default: none.' }),
    ...by(t),
  })),
  activity: (args) => ({ kind: 'START', ...args }),
});
command({
  name: 'endConversation',
  description: 'Ends an open conversation and records the role that ended it (PE-14).',
  possible: 'WHILE_OPEN',
  args: builder.args((t) => ({
    ...on(t),
    by: t.field({
      type: EnderEnum,
      required: true,
      description: 'The role that ends the conversation; `ending` shows it.',
    }),
    ...by(t),
  })),
  activity: (args) => ({ kind: 'END', ...args }),
});
command({
  name: 'inactivateConversation',
  description:
    'Sets an ACTIVE conversation to INACTIVE (SF-12). Code NOT_ALLOWED on channels without that status.',
  possible: 'SOMETIMES',
  args: builder.args((t) => ({ ...on(t), ...by(t) })),
  activity: (args) => ({ kind: 'INACTIVATE', ...args }),
});
command({
  name: 'holdConversation',
  description:
    'Puts a conversation on hold. Until it is released only the system protection can end it (PE-6).',
  possible: 'WHILE_OPEN',
  args: builder.args((t) => ({
    ...on(t),
    until: t.field({
      type: 'DateTime',
      description:
        'The end of the hold, in the future. Default: the hold lasts until it is released or the customer writes.',
    }),
    ...by(t),
  })),
  activity: (args) => ({ kind: 'HOLD', ...args }),
});
command({
  name: 'releaseConversation',
  description:
    'Releases a conversation from hold and restarts its clocks (PE-6). Code NOT_ALLOWED if it is not on hold.',
  possible: 'SOMETIMES',
  args: builder.args((t) => ({ ...on(t), ...by(t) })),
  activity: (args) => ({ kind: 'RELEASE', ...args }),
});
command({
  name: 'reopenConversation',
  description:
    'Reopens an ended conversation. Code NOT_ALLOWED if the contact has a newer one or the channel cannot reopen.',
  possible: 'SOMETIMES',
  args: builder.args((t) => ({ ...on(t), ...by(t) })),
  activity: (args) => ({ kind: 'REOPEN', ...args }),
});
command({
  name: 'assignConversation',
  description: 'Assigns a conversation to a human agent or a bot.',
  possible: 'WHILE_OPEN',
  args: builder.args((t) => ({
    ...on(t),
    agentId: t.id({ required: true, description: 'The id of the new assignee.' }),
  })),
  activity: (args) => ({ kind: 'ASSIGN', ...args }),
});
command({
  name: 'returnToQueue',
  description:
    'Unassigns the agent and returns the conversation to the queue: its status becomes WAITING, unless it is NEW.',
  possible: 'WHILE_OPEN',
  args: builder.args((t) => on(t)),
  activity: (args) => ({ kind: 'TO_QUEUE', ...args }),
});
command({
  name: 'setSkill',
  description: 'Moves a conversation to a skill. From then on the policy of that skill applies (LP-4).',
  possible: 'WHILE_OPEN',
  args: builder.args((t) => ({
    ...on(t),
    skillId: t.id({ description: 'The id of the skill. Default: none, which removes the skill.' }),
  })),
  activity: ({ skillId = null, ...args }) => ({ kind: 'SKILL', skillId, ...args }),
});
command({
  name: 'setCaseStatus',
  description:
    'Sets the case status of a conversation. A policy can limit auto close to certain case statuses (SP-4).',
  possible: 'ALWAYS',
  args: builder.args((t) => ({
    ...on(t),
    caseStatus: t.string({
      description: `The new case status, up to ${BOUNDS.caseStatus.max} characters. Default: none, which removes it.`,
    }),
    ...by(t),
  })),
  activity: ({ caseStatus = null, ...args }) => ({ kind: 'CASE_STATUS', caseStatus, ...args }),
});
command({
  name: 'setManualResponseTime',
  description:
    'Sets the time by which an agent promised to answer. The next message of the customer clears it (LP-7).',
  possible: 'WHILE_OPEN',
  args: builder.args((t) => ({
    ...on(t),
    responseAt: t.field({
      type: 'DateTime',
      description: 'The promised time. Default: none, which removes the promise.',
    }),
    ...by(t),
  })),
  activity: ({ responseAt = null, ...args }) => ({ kind: 'MANUAL_RESPONSE_TIME', responseAt, ...args }),
});
command({
  name: 'addTags',
  description:
    'Adds tags to a conversation. Exempt tags of the account keep it from closing automatically (PE-7).',
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
  description: 'Removes tags from a conversation. Tags that it does not have are ignored (PE-7).',
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
  description: 'Records that an agent wrote an internal comment. Lull does not take or store its text.',
  possible: 'ALWAYS',
  args: builder.args((t) => ({ ...on(t), ...by(t) })),
  activity: (args) => ({ kind: 'COMMENT', ...args }),
});
