import type { AdapterDescription } from '../adapters/catalogue.ts';
import type { ClosingBy } from '../adapters/closing-by.ts';
import type { SettingsStore } from '../adapters/settings.ts';
import type { Scope } from '../db/api-keys.ts';
import type { StoredConversation } from '../db/conversations.ts';
import { readSteps, type Step } from '../db/feed.ts';
import {
  type AccountRow,
  type AgentRow,
  type CalendarRow,
  type ChannelRow,
  type ContactRow,
  type FeedRange,
  type NamedRow,
  type NamedRows,
  type NamedTable,
  readAccount,
  readChannelSettings,
  readContacts,
  readConversations,
  readFeeds,
  readLastInbound,
  readNamed,
} from '../db/reads.ts';
import { NotFoundError } from '../domain/errors.ts';
import type { Event } from '../domain/event.ts';
import type { AccountRules } from '../domain/rules.ts';
import type { ChannelDeps } from '../lifecycle/channels.ts';
import type { EndpointDeps } from '../lifecycle/endpoints.ts';
import type { Changed, LifecycleDeps } from '../lifecycle/lifecycle.ts';
import type { Log } from '../log.ts';
import type { Caller } from './access.ts';
import { batched, batchedById } from './batch.ts';

/** What the API works with. */
export type SchemaDeps = LifecycleDeps &
  ChannelDeps &
  EndpointDeps & {
    /** Calls the handler with the changes of an account's conversations, best effort, until unsubscribed. */
    subscribe: (accountId: string, handler: (changed: Changed) => void) => Promise<() => Promise<void>>;
    closingBy: ClosingBy;
    /** Shows channels' settings without their secrets. */
    settings: Pick<SettingsStore, 'shown'>;
    /** The kinds of channel that there are. */
    adapters: readonly AdapterDescription[];
    log: Log;
  };

/** What every resolver gets: on whose behalf it works, what that one may do, and with what. */
export type Context = {
  accountId: string;
  scopes: ReadonlySet<Scope>;
  /** Who asks, as the history of rules keeps it. */
  actor: string;
  /** The agent in whose name it asks; null: none is known. */
  agentId: string | null;
  deps: SchemaDeps;
  load: Loaders;
  /** Aborted when the server stops; ends subscriptions. */
  stopping: AbortSignal;
};

/** Reads of one account, gathered into one statement for each kind however many ask at a time. */
export type Loaders = {
  account: () => Promise<AccountRow>;
  /** The rules in force now; at least as new as what was read before this was called. */
  rules: () => Promise<AccountRules>;
  conversation: (id: string | null) => Promise<StoredConversation | null>;
  contact: (id: string | null) => Promise<ContactRow | null>;
  agent: (id: string | null) => Promise<AgentRow | null>;
  channel: (id: string | null) => Promise<ChannelRow | null>;
  skill: (id: string | null) => Promise<NamedRow | null>;
  calendar: (id: string | null) => Promise<CalendarRow | null>;
  feed: (range: FeedRange) => Promise<Event[]>;
  /** A channel's settings as they are stored: not to be shown. */
  channelSettings: (id: string | null) => Promise<{ adapterId: string; settings: object } | null>;
  /** When the customer last wrote, in a conversation or the one before it. */
  lastInbound: (conversationId: string) => Promise<{ at: Date } | null>;
  /** The events that can have set a conversation's clocks to the given instants. */
  steps: (asked: { conversationId: string; instants: readonly Date[] }) => Promise<Step[]>;
};

/** The context of a caller's request. */
export function createContext(caller: Caller, deps: SchemaDeps, stopping: AbortSignal): Context {
  const { accountId, scopes, actor, agentId } = caller;
  return { accountId, scopes, actor, agentId, deps, load: createLoaders(deps, accountId), stopping };
}

function createLoaders({ db: { sql }, rules }: SchemaDeps, accountId: string): Loaders {
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
  return {
    account: () => account(null),
    rules: () => newestRules(null),
    conversation: batchedById((ids) => readConversations(sql, accountId, ids)),
    contact: batchedById((ids) => readContacts(sql, accountId, ids)),
    agent: named('agent'),
    channel: named('channel'),
    skill: named('skill'),
    calendar: named('calendar'),
    feed: batched((ranges) => readFeeds(sql, accountId, ranges)),
    channelSettings: batchedById((ids) => readChannelSettings(sql, accountId, ids)),
    lastInbound: batchedById((ids) => readLastInbound(sql, accountId, ids)),
    steps: batched((asked) => readSteps(sql, accountId, asked)),
  };
}
