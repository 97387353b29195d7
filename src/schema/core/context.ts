import type { Scope } from '../../accounts/api-keys.ts';
import type { KeyMaker } from '../../accounts/keys.ts';
import type { AdapterDescription } from '../../adapters/catalogue.ts';
import type { SettingsStore } from '../../adapters/settings.ts';
import type { ResolveClosing } from '../../adapters/shared/resolve-closing.ts';
import type { Database } from '../../db/client.ts';
import type { HeavyReads } from '../../db/heavy-reads.ts';
import { type Circuit, readCircuits } from '../../db/rows/circuits.ts';
import type { StoredConversation } from '../../db/rows/conversations.ts';
import { readLastInbound } from '../../delivery/last-inbound.ts';
import type { Event } from '../../domain/conversation/event.ts';
import { NotFoundError } from '../../domain/errors.ts';
import type { AccountRules } from '../../domain/policy/account-rules.ts';
import { type Due, duesOf } from '../../domain/time/timers.ts';
import type { Changed, EngineDeps } from '../../engine.ts';
import { readSteps, type Step } from '../../insight/feed.ts';
import {
  type AccountRow,
  type AgentRow,
  type CalendarRow,
  type ChannelRow,
  type ContactFacts,
  type ContactRow,
  type FeedRange,
  type NamedRow,
  type NamedRows,
  type NamedTable,
  type RelatedRows,
  readAccount,
  readChannelSettings,
  readContacts,
  readConversations,
  readFeeds,
  readNamed,
  readRelatedRows,
} from '../../insight/reads.ts';
import type { Log } from '../../log.ts';
import type { ChannelDeps } from '../../rules/channels.ts';
import type { EndpointDeps } from '../../rules/endpoints.ts';
import { type ChangedReader, openChangedReader } from '../conversation/changed-reader.ts';
import type { Caller } from './access.ts';
import { batched, batchedById } from './batch.ts';
import { type MaybeAsync, soon } from './maybe-async.ts';
import type { RowTurns } from './row-turns.ts';

/** What the API works with. */
export type SchemaDeps = EngineDeps &
  ChannelDeps &
  EndpointDeps & {
    /**
     * Calls the handler with the changes of an account's conversations, best effort, until unsubscribed. `eventCost`: the
     * rows that are read for each.
     */
    subscribe: (
      accountId: string,
      handler: (changed: Changed) => void,
      eventCost: number,
    ) => Promise<() => Promise<void>>;
    resolveClosing: ResolveClosing;
    /** Shows channels' settings without their secrets. */
    settings: Pick<SettingsStore, 'shown'>;
    /** The kinds of channel that there are. */
    adapters: readonly AdapterDescription[];
    /** The few places for requests that read much. */
    heavy: HeavyReads;
    /** Has the events of subscriptions come in turns. */
    turns: RowTurns;
    log: Log;
  };

/** What every resolver gets: on whose behalf it works, what that one may do, and with what. */
export type Context = {
  accountId: string;
  scopes: ReadonlySet<Scope>;
  /** Who asks, as the history of rules keeps it. */
  actor: string;
  /** What keys that it makes are made by. */
  maker: KeyMaker;
  /** The agent in whose name it asks; null: none is known. */
  agentId: string | null;
  deps: SchemaDeps;
  /** What it reads by: the connections of short calls, or of those that read much. */
  reads: Pick<Database, 'sql'>;
  load: Loaders;
  /** What each event of a subscription costs, and whether that is much; 0 for all other requests. */
  eventCost: number;
  isCostlyEvent: boolean;
  /** Reads what subscribers are told of, for all of them at a time. */
  readChanged: ChangedReader;
  /** Aborted when the server stops; ends subscriptions. */
  stopping: AbortSignal;
};

/** Reads of one account, gathered into one statement for each kind however many ask at a time. */
export type Loaders = {
  account: () => Promise<AccountRow>;
  /** The rules in force now; at least as new as what was read before this was called. */
  rules: () => Promise<AccountRules>;
  /** The rules that a conversation is seen under: those in force when it was read, where that was told, or now. */
  rulesOf: (conversation: StoredConversation) => MaybeAsync<AccountRules>;
  /** When its timers fall due under those rules; none of one that is in no lane. */
  duesOf: (conversation: StoredConversation) => MaybeAsync<readonly Due[]>;
  /** Tells which version of the rules was in force when conversations were read. */
  readUnder: (rulesVersion: number, conversations: readonly StoredConversation[]) => Promise<void>;
  conversation: (id: string | null) => Promise<StoredConversation | null>;
  contact: (id: string | null) => Promise<ContactRow | null>;
  agent: (id: string | null) => Promise<AgentRow | null>;
  channel: (id: string | null) => Promise<ChannelRow | null>;
  skill: (id: string | null) => Promise<NamedRow | null>;
  calendar: (id: string | null) => Promise<CalendarRow | null>;
  feed: (range: FeedRange) => Promise<Event[]>;
  /** A channel's settings as they are stored: not to be shown. */
  channelSettings: (id: string | null) => Promise<{ adapterId: string; settings: object } | null>;
  /** The circuit breaker of a channel or an endpoint; null: its last attempt was answered, or there was none. */
  circuit: (destinationId: string) => Promise<Circuit | null>;
  /** What of a conversation's contact its closing goes by. */
  contactFactsOf: (conversation: StoredConversation) => MaybeAsync<ContactFacts | null>;
  /** The agent of a conversation. */
  agentOf: (conversation: StoredConversation) => MaybeAsync<AgentRow | null>;
  /** Tells what was read beside conversations, in their order, so that nobody has to wait for it. */
  besideWas: (conversations: readonly StoredConversation[], read: readonly RelatedRows[]) => void;
  /** Reads it. */
  readBeside: (conversations: readonly StoredConversation[]) => Promise<void>;
  /** When the customer last wrote, in a conversation or the one before it. */
  lastInbound: (conversationId: string) => Promise<{ at: Date } | null>;
  /** The events that can have set a conversation's clocks to the given instants. */
  steps: (asked: { conversationId: string; instants: readonly Date[] }) => Promise<Step[]>;
};

/** Rows that one explanation is made of, with its timers and their guards. */
const STEPS_IN_ROWS = 20;

/** The context of a caller's request. */
export function createContext(
  { accountId, scopes, actor, maker, agentId }: Caller,
  deps: SchemaDeps,
  stopping: AbortSignal,
  readChanged: ChangedReader = openChangedReader(deps),
): Context {
  const reads = deps.db;
  const load = createLoaders(reads, deps, accountId);
  const event = { eventCost: 0, isCostlyEvent: false };
  return { accountId, scopes, actor, maker, agentId, deps, reads, load, ...event, readChanged, stopping };
}

/** Has a request read by other connections from now on. What it writes goes the same way as ever. */
export function readBy(context: Context, reads: Database): void {
  const { deps, accountId } = context;
  Object.assign(context, { reads, load: createLoaders(reads, deps, accountId) });
}

function createLoaders(
  { sql }: Context['reads'],
  { rules, turns }: Pick<SchemaDeps, 'rules' | 'turns'>,
  accountId: string,
): Loaders {
  const turn = (rows: number) => turns.take(accountId, rows, 'REQUEST');
  const byRow = { rowsOf: () => 1, turn };
  const named = <Table extends NamedTable>(table: Table) =>
    batchedById<NamedRows[Table]>((ids) => readNamed(sql, table, accountId, ids));
  const account = batched(async (asked: readonly null[]) => {
    const row = await readAccount(sql, accountId);
    if (row === null) throw new NotFoundError('accountId', 'account');
    return asked.map(() => row);
  });
  const newestRules = batched(async (asked: readonly null[]) => {
    const { rulesVersion } = await account(null);
    const found = await rules.at(accountId, rulesVersion);
    return asked.map(() => found);
  });
  const agent = named('agent');
  const under = new WeakMap<StoredConversation, AccountRules>();
  const beside = new WeakMap<StoredConversation, RelatedRows>();
  const besideWas: Loaders['besideWas'] = (conversations, read) => {
    for (const [index, conversation] of conversations.entries())
      beside.set(conversation, read[index] as RelatedRows);
  };
  const rulesOf = (conversation: StoredConversation): MaybeAsync<AccountRules> =>
    under.get(conversation) ??
    newestRules(null).then((found) => {
      under.set(conversation, found);
      return found;
    });
  const dues = new WeakMap<StoredConversation, readonly Due[]>();
  const besideOne = batched((conversations: readonly StoredConversation[]) =>
    readRelatedRows(sql, accountId, conversations),
  );
  return {
    account: () => account(null),
    rules: () => newestRules(null),
    rulesOf,
    duesOf(conversation) {
      const known = dues.get(conversation);
      if (known !== undefined) return known;
      return soon(conversation.laneId === null ? null : rulesOf(conversation), (rules) => {
        const own = rules === null ? [] : duesOf(rules, conversation);
        dues.set(conversation, own);
        return own;
      });
    },
    async readUnder(rulesVersion, conversations) {
      if (conversations.length === 0) return;
      const found = await rules.at(accountId, rulesVersion);
      for (const conversation of conversations) under.set(conversation, found);
    },
    conversation: batchedById((ids) => readConversations(sql, accountId, ids), byRow),
    contact: batchedById((ids) => readContacts(sql, accountId, ids), byRow),
    agent,
    channel: named('channel'),
    skill: named('skill'),
    calendar: named('calendar'),
    feed: batched((ranges) => readFeeds(sql, accountId, ranges), { rowsOf: ({ limit }) => limit, turn }),
    channelSettings: batchedById((ids) => readChannelSettings(sql, accountId, ids)),
    circuit: batchedById((ids) => readCircuits(sql, accountId, ids)),
    contactFactsOf(conversation) {
      const known = beside.get(conversation);
      return known ? known.contact : besideOne(conversation).then(({ contact }) => contact);
    },
    agentOf(conversation) {
      if (conversation.agentId === null) return null;
      const known = beside.get(conversation);
      return known ? known.agent : agent(conversation.agentId);
    },
    besideWas,
    async readBeside(conversations) {
      besideWas(conversations, await readRelatedRows(sql, accountId, conversations));
    },
    lastInbound: batchedById((ids) => readLastInbound(sql, accountId, ids)),
    steps: batched((asked) => readSteps(sql, accountId, asked), { rowsOf: () => STEPS_IN_ROWS, turn }),
  };
}
