import type { Scope } from '../../accounts/api-keys.ts';
import type { KeyMaker } from '../../accounts/keys.ts';
import type { AdapterDescription } from '../../adapters/catalogue.ts';
import type { SettingsStore } from '../../adapters/settings.ts';
import type { ResolveClosing } from '../../adapters/shared/resolve-closing.ts';
import type { Database } from '../../db/client.ts';
import type { HeavyReads } from '../../db/heavy-reads.ts';
import { type Circuit, readCircuits } from '../../db/rows/circuits.ts';
import type { StoredConversation } from '../../db/rows/conversations.ts';
import { readConversations } from '../../db/rows/conversations-by-id.ts';
import { readLastInbound } from '../../delivery/last-inbound.ts';
import type { Event } from '../../domain/conversation/event.ts';
import { NotFoundError } from '../../domain/errors.ts';
import type { AccountRules } from '../../domain/policy/account-rules.ts';
import { type Due, duesOf } from '../../domain/time/timers.ts';
import type { Changed, ServiceDeps } from '../../engine.ts';
import { readSteps, type Step } from '../../insight/feed.ts';
import { type AccountRow, readAccount } from '../../insight/reads/account.ts';
import { readChannelSettings } from '../../insight/reads/channel-settings.ts';
import { type ContactRow, readContacts } from '../../insight/reads/contacts.ts';
import { type FeedRange, readFeeds } from '../../insight/reads/feeds.ts';
import {
  type AgentRow,
  type CalendarRow,
  type ChannelRow,
  type NamedRow,
  type NamedRows,
  type NamedTable,
  readNamed,
} from '../../insight/reads/named.ts';
import { type ContactFacts, type RelatedRows, readRelatedRows } from '../../insight/reads/related-rows.ts';
import type { Log } from '../../log.ts';
import type { ChannelDeps } from '../../rules/channels.ts';
import type { EndpointDeps } from '../../rules/endpoints.ts';
import { type ChangedReader, openChangedReader } from '../conversation/changed-reader.ts';
import type { Caller } from './access.ts';
import { batched, batchedById } from './batch.ts';
import { chain, type MaybeAsync } from './maybe-async.ts';
import type { RowTurns } from './row-turns.ts';

/** The dependencies of the API. */
export type SchemaDeps = ServiceDeps &
  ChannelDeps &
  EndpointDeps & {
    /**
     * Calls the handler with changes of an account's conversations, best effort, until unsubscribed. `eventCost`: the rows that
     * the subscription reads for each changed conversation.
     */
    subscribe: (
      accountId: string,
      handler: (changed: Changed) => void,
      eventCost: number,
    ) => Promise<() => Promise<void>>;
    resolveClosing: ResolveClosing;
    /** Returns the settings of channels without their secrets. */
    settings: Pick<SettingsStore, 'shown'>;
    /** The available channel adapters. */
    adapters: readonly AdapterDescription[];
    /** The connections of heavy requests. */
    heavy: HeavyReads;
    /** Limits the rows that are rendered per second. */
    turns: RowTurns;
    log: Log;
  };

/** What every resolver gets: the caller, its scopes, and the dependencies. */
export type Context = {
  accountId: string;
  scopes: ReadonlySet<Scope>;
  /** The author that histories record. */
  actor: string;
  /** Recorded as the maker of the keys that the caller creates. */
  maker: KeyMaker;
  /** The agent on whose behalf the caller acts; null if there is none. */
  agentId: string | null;
  deps: SchemaDeps;
  /** The connections that it reads by: those of short requests, or the one of a heavy request. */
  reads: Pick<Database, 'sql'>;
  load: Loaders;
  /** The cost of each subscription event, and whether that is high; 0 for queries and mutations. */
  eventCost: number;
  isCostlyEvent: boolean;
  /** Reads changed conversations, batched over all subscriptions of an account. */
  readChanged: ChangedReader;
  /** Aborted when the server stops; ends subscriptions. */
  stopping: AbortSignal;
};

/** The loaders of one account: each batches its reads into one statement per turn of the event loop. */
type Loaders = {
  account: () => Promise<AccountRow>;
  /** The rules in force now, at least as new as everything that was read before this call. */
  rules: () => Promise<AccountRules>;
  /** The rules set for a conversation by `setRules`, else those in force now. */
  rulesOf: (conversation: StoredConversation) => MaybeAsync<AccountRules>;
  /** When its timers are due under those rules; empty for a conversation in no lane. */
  duesOf: (conversation: StoredConversation) => MaybeAsync<readonly Due[]>;
  /** Sets the version of the rules that was in force when the conversations were read. */
  setRules: (rulesVersion: number, conversations: readonly StoredConversation[]) => Promise<void>;
  conversation: (id: string | null) => Promise<StoredConversation | null>;
  contact: (id: string | null) => Promise<ContactRow | null>;
  agent: (id: string | null) => Promise<AgentRow | null>;
  channel: (id: string | null) => Promise<ChannelRow | null>;
  skill: (id: string | null) => Promise<NamedRow | null>;
  calendar: (id: string | null) => Promise<CalendarRow | null>;
  feed: (range: FeedRange) => Promise<Event[]>;
  /** A channel's stored settings, with its encrypted secrets: never return them to a client. */
  channelSettings: (id: string | null) => Promise<{ adapterId: string; settings: object } | null>;
  /** The circuit breaker of a channel or endpoint; null if the last attempt succeeded or there was none. */
  circuit: (destinationId: string) => Promise<Circuit | null>;
  /** The contact fields needed to render the closing. */
  contactFactsOf: (conversation: StoredConversation) => MaybeAsync<ContactFacts | null>;
  /** The assigned agent of a conversation. */
  agentOf: (conversation: StoredConversation) => MaybeAsync<AgentRow | null>;
  /** Keeps related rows that were read together with conversations, in the same order. */
  setRelated: (conversations: readonly StoredConversation[], related: readonly RelatedRows[]) => void;
  /** Reads and keeps the related rows of conversations. */
  loadRelated: (conversations: readonly StoredConversation[]) => Promise<void>;
  /** When the customer last wrote, in this conversation or the previous one. */
  lastInbound: (conversationId: string) => Promise<{ at: Date } | null>;
  /** The events that can have set a conversation's clocks to the given instants. */
  steps: (range: { conversationId: string; instants: readonly Date[] }) => Promise<Step[]>;
};

/** The rows that one explanation counts as, for its timers and their guards. */
const EXPLANATION_ROWS = 20;

/** Creates the context of a request. */
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

/** Makes a request read by other connections from now on. Its writes keep theirs. */
export function readBy(context: Context, reads: Database): void {
  const { deps, accountId } = context;
  Object.assign(context, { reads, load: createLoaders(reads, deps, accountId) });
}

type Reads = Context['reads'];

function createLoaders(
  reads: Reads,
  { rules, turns }: Pick<SchemaDeps, 'rules' | 'turns'>,
  accountId: string,
): Loaders {
  const { sql } = reads;
  const turn = (rows: number) => turns.take(accountId, rows, 'REQUEST');
  const byRow = { rowsOf: () => 1, turn };
  const named = <Table extends NamedTable>(table: Table) =>
    batchedById<NamedRows[Table]>((ids) => readNamed(sql, table, accountId, ids));
  const agent = named('agent');
  return {
    ...rulesLoaders(reads, rules, accountId),
    ...relatedLoaders(reads, accountId, agent),
    conversation: batchedById((ids) => readConversations(sql, accountId, ids), byRow),
    contact: batchedById((ids) => readContacts(sql, accountId, ids), byRow),
    agent,
    channel: named('channel'),
    skill: named('skill'),
    calendar: named('calendar'),
    feed: batched((ranges) => readFeeds(sql, accountId, ranges), { rowsOf: ({ limit }) => limit, turn }),
    channelSettings: batchedById((ids) => readChannelSettings(sql, accountId, ids)),
    circuit: batchedById((ids) => readCircuits(sql, accountId, ids)),
    lastInbound: batchedById((ids) => readLastInbound(sql, accountId, ids)),
    steps: batched((ranges) => readSteps(sql, accountId, ranges), { rowsOf: () => EXPLANATION_ROWS, turn }),
  };
}

function rulesLoaders(
  { sql }: Reads,
  rules: SchemaDeps['rules'],
  accountId: string,
): Pick<Loaders, 'account' | 'rules' | 'rulesOf' | 'duesOf' | 'setRules'> {
  const account = batched(async (keys: readonly null[]) => {
    const row = await readAccount(sql, accountId);
    if (row === null) throw new NotFoundError('accountId', 'account');
    return keys.map(() => row);
  });
  const newest = batched(async (keys: readonly null[]) => {
    const { rulesVersion } = await account(null);
    const found = await rules.at(accountId, rulesVersion);
    return keys.map(() => found);
  });
  const rulesByConversation = new WeakMap<StoredConversation, AccountRules>();
  const duesByConversation = new WeakMap<StoredConversation, readonly Due[]>();
  const rulesOf = (conversation: StoredConversation): MaybeAsync<AccountRules> =>
    rulesByConversation.get(conversation) ??
    newest(null).then((found) => {
      rulesByConversation.set(conversation, found);
      return found;
    });
  return {
    account: () => account(null),
    rules: () => newest(null),
    rulesOf,
    duesOf(conversation) {
      const known = duesByConversation.get(conversation);
      if (known !== undefined) return known;
      return chain(conversation.laneId === null ? null : rulesOf(conversation), (found) => {
        const dues = found === null ? [] : duesOf(found, conversation);
        duesByConversation.set(conversation, dues);
        return dues;
      });
    },
    async setRules(rulesVersion, conversations) {
      if (conversations.length === 0) return;
      const found = await rules.at(accountId, rulesVersion);
      for (const conversation of conversations) rulesByConversation.set(conversation, found);
    },
  };
}

function relatedLoaders(
  { sql }: Reads,
  accountId: string,
  agent: Loaders['agent'],
): Pick<Loaders, 'contactFactsOf' | 'agentOf' | 'setRelated' | 'loadRelated'> {
  const related = new WeakMap<StoredConversation, RelatedRows>();
  const read = (conversations: readonly StoredConversation[]) =>
    readRelatedRows(sql, accountId, conversations);
  const readOne = batched(read);
  const setRelated: Loaders['setRelated'] = (conversations, rows) => {
    for (const [index, conversation] of conversations.entries())
      related.set(conversation, rows[index] as RelatedRows);
  };
  return {
    contactFactsOf(conversation) {
      const known = related.get(conversation);
      return known ? known.contact : readOne(conversation).then(({ contact }) => contact);
    },
    agentOf(conversation) {
      if (conversation.agentId === null) return null;
      const known = related.get(conversation);
      return known ? known.agent : agent(conversation.agentId);
    },
    setRelated,
    loadRelated: async (conversations) => setRelated(conversations, await read(conversations)),
  };
}
