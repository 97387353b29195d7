import { MAX_GROUPS } from '../../insight/reports.ts';

type Args = Readonly<Record<string, unknown>>;

/** The cost of reading a field. */
export type Weight = {
  /** The number of rows read by key that take the same time, without its selection; measured at a million rows. */
  weight: number;
  /** A description of what the field reads, for docs/limits.md. */
  reads: string;
  /** Arguments that make it cost more; the highest applicable weight counts. */
  cases?: readonly { when: string; weight: number; applies: (args: Args) => boolean }[];
  /** The maximum length of a list without pages: its selection counts as often. */
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

const byKey = (reads: string): Weight => ({ weight: 1, reads: `${reads}, by key` });
const page = (reads: string): Weight => ({ weight: 1, reads: `a page of ${reads}, from an index` });
const rules: Weight = { weight: 1, reads: 'the rules, which each process caches' };
const list = (rows: number, reads: string): Weight => ({ weight: 1, reads, rows });

const ORDERED = { when: 'ordered by DUE or LAST_ACTIVITY', weight: 30, applies: isOrdered };
const BY_AGENT = {
  when: 'ordered so, for one agent',
  weight: 100,
  applies: (args: Args) => isOrdered(args) && isGiven(filterOf(args).agentId),
};
const BY_TAG = {
  when: 'ordered so, with a tag',
  weight: 3_000,
  applies: (args: Args) => isOrdered(args) && isGiven(filterOf(args).tag),
};

/**
 * The cost of each field that reads from the database, in rows read by key. Requests are weighed by this table, tests walk
 * it, and docs/limits.md is generated from it. `bench/weights.ts` measured the weights at a million rows, rounded up. Other
 * fields cost 1 if they have a selection, else nothing.
 */
export const WEIGHTS: Readonly<Record<string, Weight>> = {
  'Query.account': byKey('the account'),
  'Query.adapters': list(60, 'the adapters of the process, each with a JSON Schema'),
  'Query.agents': page('agents'),
  'Query.apiKeys': page('keys'),
  'Query.calendars': page('calendars'),
  'Query.channels': page('channels'),
  'Query.conversation': byKey('a conversation'),
  'Query.conversations': {
    weight: 1,
    reads: 'a page of conversations, from the index of ids',
    cases: [
      {
        when: 'ordered by STARTED, with a filter',
        weight: 6_500,
        applies: (args) => !isOrdered(args) && isFiltered(args),
      },
      {
        when: 'ordered by STARTED, with a tag',
        weight: 9_500,
        applies: (args) => !isOrdered(args) && isGiven(filterOf(args).tag),
      },
      ...[ORDERED, BY_AGENT, BY_TAG],
    ],
  },
  'Query.events': { weight: 30, reads: 'a page of events, and all events of its first transaction' },
  'Query.eventsCursor': { weight: 1, reads: 'the end of the feed' },
  'Query.node': byKey('an object of any type'),
  'Query.outages': page('outages'),
  'Query.pauses': list(20, 'pauses, at most one per channel'),
  'Query.policyLayers': { ...rules, rows: 50 },
  'Query.report': {
    weight: 2_600,
    reads: 'every conversation of the account',
    cases: [{ when: 'with groups', weight: 6_000, applies: ({ by }) => isGiven(by) && by !== 'NONE' }],
  },
  'Query.rulesVersions': page('rules versions'),
  'Query.runs': { weight: 700, reads: 'every conversation of the account' },
  'Query.skills': page('skills'),
  'Query.undelivered': {
    ...page('undelivered effects'),
    cases: [
      {
        when: 'for one channel',
        weight: 250,
        applies: ({ channelId }) => isGiven(channelId),
      },
    ],
  },
  'Query.webhookEndpoints': list(50, 'at most 50 endpoints'),
  'Mutation.endConversations': {
    weight: 30,
    reads: 'open conversations, as `conversations` ordered by LAST_ACTIVITY',
    cases: [
      { ...BY_AGENT, when: 'for one agent', applies: (args) => isGiven(filterOf(args).agentId) },
      { ...BY_TAG, when: 'with a tag', applies: (args) => isGiven(filterOf(args).tag) },
    ],
    rows: ({ limit }) => Number(limit ?? 1),
  },
  'Subscription.conversationChanged': byKey('one conversation per event'),
  'Subscription.conversationsEnded': byKey('each conversation of each event'),
  'Account.calendar': byKey('a calendar'),
  'Account.caseStatuses': rules,
  'Account.exemptTags': rules,
  'Account.policy': rules,
  'Account.exemptionBackfill': byKey('the progress of a backfill'),
  'ActivityResult.conversation': byKey('a conversation'),
  'Channel.calendar': byKey('a calendar'),
  'Channel.circuitBreaker': byKey('a circuit breaker'),
  'Channel.paused': rules,
  'Channel.settings': byKey('the settings of a channel'),
  'Contact.channel': byKey('a channel'),
  'Contact.consentChanges': { weight: 2, reads: 'at most 100 changes of consent', rows: 100 },
  'Conversation.agent': byKey('an agent'),
  'Conversation.channel': byKey('a channel'),
  'Conversation.closing': { weight: 3, reads: 'a contact and the newest messages of a conversation' },
  'Conversation.contact': byKey('a contact'),
  'Conversation.due': rules,
  'Conversation.endsAt': rules,
  'Conversation.explanation': { weight: 20, reads: 'the newest 1,000 events of a conversation' },
  'Conversation.feed': { weight: 2, reads: 'a page of events of one conversation, by key' },
  'Conversation.previous': byKey('a conversation'),
  'Conversation.skill': byKey('a skill'),
  'Effect.channel': byKey('a channel'),
  'Effect.conversation': byKey('a conversation'),
  'EndResult.conversation': byKey('a conversation'),
  'Ending.creditedAgent': byKey('an agent'),
  'Event.agent': byKey('an agent'),
  'Event.conversation': byKey('a conversation'),
  'Event.skill': byKey('a skill'),
  'Explanation.timers': { weight: 1, reads: 'nothing further', rows: 12 },
  'Outage.channel': byKey('a channel'),
  'OwedWebhook.endpoint': byKey('an endpoint'),
  'Pause.channel': byKey('a channel'),
  'Policy.channel': byKey('a channel'),
  'Policy.skill': byKey('a skill'),
  'PolicyLayer.channel': byKey('a channel'),
  'PolicyLayer.skill': byKey('a skill'),
  'Report.groups': { weight: 1, reads: 'nothing further', rows: MAX_GROUPS },
  'ReportFigures.enders': { weight: 1, reads: 'nothing further', rows: 5 },
  'ReportFigures.reasons': { weight: 1, reads: 'nothing further', rows: 10 },
  'ReportRow.agent': byKey('an agent'),
  'ReportRow.channel': byKey('a channel'),
  'ReportRow.skill': byKey('a skill'),
  'Run.reasons': { weight: 1, reads: 'nothing further', rows: 10 },
  'RulesVersion.channel': byKey('a channel'),
  'RulesVersion.skill': byKey('a skill'),
  'TimerExplanation.guards': { weight: 1, reads: 'nothing further', rows: 17 },
  'WebhookEndpoint.channel': byKey('a channel'),
  'WebhookEndpoint.circuitBreaker': byKey('a circuit breaker'),
  'WebhookEndpoint.failures': byKey('a circuit breaker'),
  'WebhookEndpoint.heldBackUntil': byKey('a circuit breaker'),
  'WebhookEndpoint.deliveries': page('delivery attempts'),
};

/** The weight of a field with its arguments; null if the field is not in the table. */
export function weightOf(type: string, field: string, args: Args): number | null {
  const found = Object.hasOwn(WEIGHTS, `${type}.${field}`) ? WEIGHTS[`${type}.${field}`] : undefined;
  if (found === undefined) return null;
  const applying = found.cases?.filter(({ applies }) => applies(args)) ?? [];
  return Math.max(found.weight, ...applying.map(({ weight }) => weight));
}

/** The maximum length of a list without pages; null if the table has none. */
export function rowsOf(type: string, field: string, args: Args): number | null {
  const rows = Object.hasOwn(WEIGHTS, `${type}.${field}`) ? WEIGHTS[`${type}.${field}`]?.rows : undefined;
  return typeof rows === 'function' ? rows(args) : (rows ?? null);
}
