import type { AdapterDescription } from '../../adapters/catalogue.ts';
import {
  type Bounds,
  type ChannelRules,
  PLAIN_SESSIONS,
  type SessionRules,
  type TimerKind,
} from '../../domain/policy/channel-rules.ts';
import { builder } from '../core/builder.ts';
import { enumOf, TimerKindEnum } from '../core/enums.ts';

const SessionTierEnum = enumOf<SessionRules['tier']>(
  'SessionTier',
  'How the profile SALESFORCE sees a channel (SF-1).',
  {
    STANDARD:
      'Sessions end without a reply (SF-9) or by opting out (SF-11), and in no other way by themselves.',
    ENHANCED: 'All of the profile holds.',
  },
);

const AdapterTimer = builder
  .objectRef<{ timer: TimerKind; bounds: Bounds | null }>('AdapterTimer')
  .implement({
    description: 'A timer that a kind of channel does not have, or bounds more tightly than profiles do.',
    fields: (t) => ({
      timer: t.field({ type: TimerKindEnum, description: 'The timer.', resolve: ({ timer }) => timer }),
      exists: t.boolean({
        description: 'Whether such a channel has it; asking for one it does not have is an error (SF-2).',
        resolve: ({ bounds }) => bounds !== null,
      }),
      min: t.field({
        type: 'Duration',
        nullable: true,
        description: 'The shortest that may be set; null where there is no such timer.',
        resolve: ({ bounds }) => bounds?.min ?? null,
      }),
      max: t.field({
        type: 'Duration',
        nullable: true,
        description: 'The longest that may be set; null where there is no such timer.',
        resolve: ({ bounds }) => bounds?.max ?? null,
      }),
    }),
  });

const AdapterCapabilities = builder.objectRef<ChannelRules>('AdapterCapabilities').implement({
  description: 'What a kind of channel can do.',
  fields: (t) => ({
    timers: t.field({
      type: [AdapterTimer],
      description: "The timers that it says something of; every other is within the profile's bounds.",
      resolve: ({ bounds }) =>
        Object.entries(bounds).map(([timer, bounds]) => ({ timer: timer as TimerKind, bounds })),
    }),
    canReopen: t.exposeBoolean('canReopen', {
      description:
        'Whether an ended conversation can be opened again; if not, a later message begins a new one (SP-7).',
    }),
    businessInitiated: t.exposeBoolean('businessInitiated', {
      description: 'Whether the business may write first.',
    }),
    newConversationOnAgentMessage: t.exposeBoolean('newSessionOnAgentMessage', {
      description:
        "Whether an agent's message to an INACTIVE conversation begins a new one; if not, it is refused (SF-6).",
    }),
    sessionTier: t.field({
      type: SessionTierEnum,
      description: 'How the profile SALESFORCE sees it (SF-1).',
      resolve: ({ sessions = PLAIN_SESSIONS }) => sessions.tier,
    }),
    agentInitiatedSessions: t.boolean({
      description: 'Whether an agent may begin a session there under the profile SALESFORCE (SF-9).',
      resolve: ({ sessions = PLAIN_SESSIONS }) => sessions.agentInitiated,
    }),
    replyWindow: t.field({
      type: 'Duration',
      nullable: true,
      description:
        "How long after the customer's last message free text may be sent (PE-4); null: at any time.",
      resolve: ({ replyWindow }) => replyWindow,
    }),
    closeMessageLength: t.int({
      description: 'The longest close message, in UTF-16 code units.',
      resolve: ({ textLimits }) => textLimits.closeMessage,
    }),
    idempotentSends: t.exposeBoolean('idempotentSends', {
      description:
        'Whether a message sent twice reaches the customer once; if not, one whose fate is unclear is not sent again.',
    }),
    optOutWords: t.stringList({
      description: 'Whole messages that end the conversation, and after which nothing more is sent (PE-12).',
      resolve: ({ optOutWords }) => [...optOutWords],
    }),
    optInWords: t.stringList({
      description: 'Whole messages by which a customer who opted out comes back (PE-12).',
      resolve: ({ optInWords }) => [...optInWords],
    }),
    helpWords: t.stringList({
      description: 'Whole messages that ask for help, and change nothing (PE-12).',
      resolve: ({ helpWords }) => [...helpWords],
    }),
  }),
});

const AdapterVariant = builder.objectRef<AdapterDescription['variants'][number]>('AdapterVariant').implement({
  description: 'What a kind of channel can do where a setting has a value, such as that of a tier (SF-1).',
  fields: (t) => ({
    setting: t.exposeString('setting', { description: 'The name of the setting.' }),
    value: t.exposeString('value', { description: 'Its value.' }),
    capabilities: t.field({
      type: AdapterCapabilities,
      description: 'What such a channel can do, in place of what others can.',
      resolve: ({ rules }) => rules,
    }),
  }),
});

const Adapter = builder.objectRef<AdapterDescription>('Adapter').implement({
  description: 'A kind of channel: one that Lull comes with, or of a module that this service loads.',
  fields: (t) => ({
    id: t.exposeString('id', { description: 'What `createChannel` takes as `adapterId`, such as `web`.' }),
    name: t.exposeString('name', { description: 'For people.' }),
    capabilities: t.field({
      type: AdapterCapabilities,
      description: 'What such a channel can do.',
      resolve: ({ rules }) => rules,
    }),
    variants: t.field({
      type: [AdapterVariant],
      description: 'What it can do instead where a setting has a value; empty where none makes a difference.',
      resolve: ({ variants }) => [...variants],
    }),
    sendsBy: t.exposeString('sendsBy', {
      nullable: true,
      description:
        'The setting without which nothing is sent to customers: the platform reads it from the events. Null: it is always sent.',
    }),
    settingsSchema: t.field({
      type: 'JSONObject',
      description:
        'The JSON Schema (2020-12) of its settings, to draw a form from. `writeOnly` marks secrets: kept encrypted, and never shown. `destination` marks addresses that secrets are sent to: to change one, `updateChannel` needs the secrets anew.',
      resolve: ({ settingsSchema }) => settingsSchema,
    }),
  }),
});

builder.queryField('adapters', (t) =>
  t.field({
    type: [Adapter],
    description: 'The kinds of channel that there are, by id. The same for every account.',
    resolve: (_root, _args, { deps }) => [...deps.adapters],
  }),
);
