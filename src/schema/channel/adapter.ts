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
  'The kind of channel under the profile SALESFORCE (SF-1).',
  {
    STANDARD: 'Sessions end by themselves only without a reply (SF-9) or by an opt-out (SF-11).',
    ENHANCED: 'All timers of the profile apply.',
  },
);

const AdapterTimer = builder
  .objectRef<{ timer: TimerKind; bounds: Bounds | null }>('AdapterTimer')
  .implement({
    description: 'A timer that a kind of channel does not have, or limits more than profiles do.',
    fields: (t) => ({
      timer: t.field({
        type: TimerKindEnum,
        description: 'The timer that is excluded or limited.',
        resolve: ({ timer }) => timer,
      }),
      exists: t.boolean({
        description:
          'Whether the channel has the timer. Setting a timer that it does not have is an error (SF-2).',
        resolve: ({ bounds }) => bounds !== null,
      }),
      min: t.field({
        type: 'Duration',
        nullable: true,
        description: 'The shortest allowed duration; null if the channel has no such timer.',
        resolve: ({ bounds }) => bounds?.min ?? null,
      }),
      max: t.field({
        type: 'Duration',
        nullable: true,
        description: 'The longest allowed duration; null if the channel has no such timer.',
        resolve: ({ bounds }) => bounds?.max ?? null,
      }),
    }),
  });

const AdapterCapabilities = builder.objectRef<ChannelRules>('AdapterCapabilities').implement({
  description: 'The abilities of a kind of channel.',
  fields: (t) => ({
    timers: t.field({
      type: [AdapterTimer],
      description:
        'The timers that the channel excludes or limits. Every other timer has the bounds of the profile.',
      resolve: ({ bounds }) =>
        Object.entries(bounds).map(([timer, bounds]) => ({ timer: timer as TimerKind, bounds })),
    }),
    canReopen: t.exposeBoolean('canReopen', {
      description:
        'Whether an ended conversation can be reopened. If not, a later message starts a new one (SP-7).',
    }),
    businessInitiated: t.exposeBoolean('businessInitiated', {
      description: 'Whether the business may write first.',
    }),
    newConversationOnAgentMessage: t.exposeBoolean('newSessionOnAgentMessage', {
      description:
        "Whether an agent's message to an INACTIVE conversation starts a new one. If not, it is refused (SF-6).",
    }),
    sessionTier: t.field({
      type: SessionTierEnum,
      description: 'The kind of channel under the profile SALESFORCE (SF-1).',
      resolve: ({ sessions = PLAIN_SESSIONS }) => sessions.tier,
    }),
    agentInitiatedSessions: t.boolean({
      description: 'Whether an agent may start a session under the profile SALESFORCE (SF-9).',
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
        'Whether a message that is sent twice reaches the customer once. If not, a message with an unknown outcome is not sent again.',
    }),
    optOutWords: t.stringList({
      description:
        'Messages that end the conversation and opt the customer out, so that nothing more is sent (PE-12). The whole message must match.',
      resolve: ({ optOutWords }) => [...optOutWords],
    }),
    optInWords: t.stringList({
      description:
        'Messages by which a customer who opted out opts in again (PE-12). The whole message must match.',
      resolve: ({ optInWords }) => [...optInWords],
    }),
    helpWords: t.stringList({
      description: 'Messages that ask for help and change nothing (PE-12). The whole message must match.',
      resolve: ({ helpWords }) => [...helpWords],
    }),
  }),
});

const AdapterVariant = builder.objectRef<AdapterDescription['variants'][number]>('AdapterVariant').implement({
  description: 'The abilities of channels for one value of a setting, such as a tier (SF-1).',
  fields: (t) => ({
    setting: t.exposeString('setting', { description: 'The name of the setting, such as `tier`.' }),
    value: t.exposeString('value', { description: 'The value of the setting.' }),
    capabilities: t.field({
      type: AdapterCapabilities,
      description: 'The abilities of channels with that value.',
      resolve: ({ rules }) => rules,
    }),
  }),
});

const Adapter = builder.objectRef<AdapterDescription>('Adapter').implement({
  description: 'A kind of channel: built into Lull, or from a module that this service loads.',
  fields: (t) => ({
    id: t.exposeString('id', { description: 'The value for `adapterId` of `createChannel`, such as `web`.' }),
    name: t.exposeString('name', { description: 'The name to show to people.' }),
    capabilities: t.field({
      type: AdapterCapabilities,
      description: 'The abilities of channels of this kind.',
      resolve: ({ rules }) => rules,
    }),
    variants: t.field({
      type: [AdapterVariant],
      description: 'The abilities that depend on the value of a setting; empty if none does.',
      resolve: ({ variants }) => [...variants],
    }),
    sendsBy: t.exposeString('sendsBy', {
      nullable: true,
      description:
        'The setting without which nothing is sent to customers, because the platform reads it from the events. Null: messages are always sent.',
    }),
    settingsSchema: t.field({
      type: 'JSONObject',
      description:
        'The JSON Schema (2020-12) of the settings, for forms. `writeOnly` marks secrets, which are encrypted and never shown. `destination` marks addresses that secrets are sent to; changing one with `updateChannel` needs all secrets again.',
      resolve: ({ settingsSchema }) => settingsSchema,
    }),
  }),
});

builder.queryField('adapters', (t) =>
  t.field({
    type: [Adapter],
    description: 'The available kinds of channel, by id. They are the same for every account.',
    resolve: (_root, _args, { deps }) => [...deps.adapters],
  }),
);
