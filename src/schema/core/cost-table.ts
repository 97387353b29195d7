import { MAX_GROUPS } from '../../insight/reports.ts';

type Args = Readonly<Record<string, unknown>>;

/** What it costs to read a field. */
export type Weight = {
  /** Rows read by their keys that take as long, whatever is asked for within it; measured at a million rows. */
  weight: number;
  /** What it reads. */
  reads: string;
  /** What costs more, by its arguments: the most of those that apply counts. */
  cases?: readonly { when: string; weight: number; applies: (args: Args) => boolean }[];
  /** How many it may give where it is a list without pages: what is within it counts as often. */
  rows?: number | ((args: Args) => number);
};

const object = (value: unknown): Args => (typeof value === 'object' && value !== null ? (value as Args) : {});
const isGiven = (value: unknown) => value !== null && value !== undefined;
const filterOf = (args: Args) => object(args.filter);
const isOrdered = (args: Args) => {
  const { field } = object(args.orderBy);
  return isGiven(field) ? field !== 'STARTED' : isGiven(filterOf(args).dueBefore);
};
const isFiltered = (args: Args) => Object.values(filterOf(args)).some(isGiven);

const byKey = (reads: string): Weight => ({ weight: 1, reads: `${reads}, by its key` });
const page = (reads: string): Weight => ({ weight: 1, reads: `${reads}: a page, from an index` });
const rules: Weight = { weight: 1, reads: 'the rules, which a process keeps' };
const list = (rows: number, reads: string): Weight => ({ weight: 1, reads, rows });

const ORDERED = { when: 'in the order of DUE or LAST_ACTIVITY', weight: 30, applies: isOrdered };
const BY_AGENT = {
  when: 'in such an order, of an agent',
  weight: 100,
  applies: (args: Args) => isOrdered(args) && isGiven(filterOf(args).agentId),
};
const BY_TAG = {
  when: 'in such an order, with a tag',
  weight: 3_000,
  applies: (args: Args) => isOrdered(args) && isGiven(filterOf(args).tag),
};

/**
 * What each field costs that reads, in the unit of one row by its key: the table that requests are weighed by, that tests
 * walk, and that docs/limits.md is made of. Weights are what `bench/weights.ts` measured at a million rows, rounded up.
 * Any other field with fields of its own costs 1, all others nothing.
 */
export const WEIGHTS: Readonly<Record<string, Weight>> = {
  'Query.account': byKey('the account'),
  'Query.adapters': list(60, 'what comes with the process, with a JSON Schema each'),
  'Query.agents': page('agents'),
  'Query.apiKeys': page('keys'),
  'Query.calendars': page('calendars'),
  'Query.channels': page('channels'),
  'Query.conversation': byKey('a conversation'),
  'Query.conversations': {
    weight: 1,
    reads: 'conversations: a page, from the index of their ids',
    cases: [
      {
        when: 'in the order of STARTED, with a filter',
        weight: 6_500,
        applies: (args) => !isOrdered(args) && isFiltered(args),
      },
      {
        when: 'in the order of STARTED, with a tag',
        weight: 9_500,
        applies: (args) => !isOrdered(args) && isGiven(filterOf(args).tag),
      },
      ...[ORDERED, BY_AGENT, BY_TAG],
    ],
  },
  'Query.events': { weight: 30, reads: 'events: a page, and all of the transaction it begins in' },
  'Query.eventsCursor': { weight: 1, reads: 'where the feed ends' },
  'Query.node': byKey('anything'),
  'Query.outages': page('outages'),
  'Query.pauses': list(20, 'pauses, one for a channel at most'),
  'Query.policyLayers': { ...rules, rows: 50 },
  'Query.report': {
    weight: 2_600,
    reads: 'every conversation of the account',
    cases: [{ when: 'with groups', weight: 6_000, applies: ({ by }) => isGiven(by) && by !== 'NONE' }],
  },
  'Query.rulesVersions': page('versions of the rules'),
  'Query.runs': { weight: 700, reads: 'every conversation of the account' },
  'Query.skills': page('skills'),
  'Query.undelivered': {
    ...page('what could not be sent'),
    cases: [
      {
        when: 'on a channel',
        weight: 250,
        applies: ({ channelId }) => isGiven(channelId),
      },
    ],
  },
  'Query.webhookEndpoints': list(50, 'endpoints, 50 at most'),
  'Mutation.endConversations': {
    weight: 30,
    reads: 'open conversations, as `conversations` in the order of LAST_ACTIVITY',
    cases: [
      { ...BY_AGENT, when: 'of an agent', applies: (args) => isGiven(filterOf(args).agentId) },
      { ...BY_TAG, when: 'with a tag', applies: (args) => isGiven(filterOf(args).tag) },
    ],
    rows: ({ limit }) => Number(limit ?? 1),
  },
  'Subscription.conversationChanged': byKey('a conversation, for each event'),
  'Subscription.conversationsEnded': byKey('each conversation, for each event'),
  'Account.calendar': byKey('a calendar'),
  'Account.caseStatuses': rules,
  'Account.exemptTags': rules,
  'Account.policy': rules,
  'Account.exemptionBackfill': byKey('how far a change has come'),
  'ActivityResult.conversation': byKey('a conversation'),
  'Channel.calendar': byKey('a calendar'),
  'Channel.circuitBreaker': byKey('a circuit breaker'),
  'Channel.paused': rules,
  'Channel.settings': byKey('the settings of a channel'),
  'Contact.channel': byKey('a channel'),
  'Contact.consentChanges': { weight: 2, reads: 'consents, 100 at most', rows: 100 },
  'Conversation.agent': byKey('an agent'),
  'Conversation.channel': byKey('a channel'),
  'Conversation.closing': { weight: 3, reads: 'a contact, and the newest messages of a conversation' },
  'Conversation.contact': byKey('a contact'),
  'Conversation.due': rules,
  'Conversation.endsAt': rules,
  'Conversation.explanation': { weight: 20, reads: 'the newest 1,000 events of a conversation' },
  'Conversation.feed': { weight: 2, reads: 'events of a conversation: a page, by their key' },
  'Conversation.previous': byKey('a conversation'),
  'Conversation.skill': byKey('a skill'),
  'Effect.channel': byKey('a channel'),
  'Effect.conversation': byKey('a conversation'),
  'EndResult.conversation': byKey('a conversation'),
  'Ending.creditedAgent': byKey('an agent'),
  'Event.agent': byKey('an agent'),
  'Event.conversation': byKey('a conversation'),
  'Event.skill': byKey('a skill'),
  'Explanation.timers': { weight: 1, reads: 'nothing more', rows: 12 },
  'Outage.channel': byKey('a channel'),
  'OwedWebhook.endpoint': byKey('an endpoint'),
  'Pause.channel': byKey('a channel'),
  'Policy.channel': byKey('a channel'),
  'Policy.skill': byKey('a skill'),
  'PolicyLayer.channel': byKey('a channel'),
  'PolicyLayer.skill': byKey('a skill'),
  'Report.groups': { weight: 1, reads: 'nothing more', rows: MAX_GROUPS },
  'ReportFigures.enders': { weight: 1, reads: 'nothing more', rows: 5 },
  'ReportFigures.reasons': { weight: 1, reads: 'nothing more', rows: 10 },
  'ReportRow.agent': byKey('an agent'),
  'ReportRow.channel': byKey('a channel'),
  'ReportRow.skill': byKey('a skill'),
  'Run.reasons': { weight: 1, reads: 'nothing more', rows: 10 },
  'RulesVersion.channel': byKey('a channel'),
  'RulesVersion.skill': byKey('a skill'),
  'TimerExplanation.guards': { weight: 1, reads: 'nothing more', rows: 17 },
  'WebhookEndpoint.channel': byKey('a channel'),
  'WebhookEndpoint.circuitBreaker': byKey('a circuit breaker'),
  'WebhookEndpoint.failures': byKey('a circuit breaker'),
  'WebhookEndpoint.heldBackUntil': byKey('a circuit breaker'),
  'WebhookEndpoint.deliveries': page('attempts to send'),
};

/** What a field costs with its arguments; null where it is not in the table. */
export function weightOf(type: string, field: string, args: Args): number | null {
  const found = Object.hasOwn(WEIGHTS, `${type}.${field}`) ? WEIGHTS[`${type}.${field}`] : undefined;
  if (found === undefined) return null;
  const applying = found.cases?.filter(({ applies }) => applies(args)) ?? [];
  return Math.max(found.weight, ...applying.map(({ weight }) => weight));
}

/** How many a list without pages may give; null where the table does not say. */
export function rowsOf(type: string, field: string, args: Args): number | null {
  const rows = Object.hasOwn(WEIGHTS, `${type}.${field}`) ? WEIGHTS[`${type}.${field}`]?.rows : undefined;
  return typeof rows === 'function' ? rows(args) : (rows ?? null);
}
