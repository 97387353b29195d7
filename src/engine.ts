import type { TransactionSql } from 'postgres';
import type { Clock } from './clock.ts';
import type { Database } from './db/client.ts';
import type { Alarm } from './db/rows/lanes.ts';
import { BOUNDS } from './domain/bounds.ts';
import type { Action } from './domain/conversation/activity.ts';
import type { LaneFacts } from './domain/conversation/conversation.ts';
import type { LullError } from './domain/errors.ts';
import type { AccountRules } from './domain/policy/account-rules.ts';
import type { RulesOfAdapter } from './rules/load-rules.ts';
import type { WakeReport } from './wake/wake-lane.ts';

/** The conversation an activity belongs to: by its id, or by the address of its contact on a channel. */
export type Target = { conversationId: string } | { channelId: string; address: string };

/** One activity of a call. `at` is when it happened, by default now. `messageId` is its idempotency key within the channel. */
export type Activity = { target: Target; action: Action; at?: Date | null; messageId?: string | null };

/** The outcome of one activity. Only REFUSED has an error; a refused activity changes nothing. */
export type ActivityResult = {
  outcome: 'APPLIED' | 'DUPLICATE' | 'IGNORED' | 'REFUSED';
  conversationId: string | null;
  error: LullError | null;
};

/** Conversations of an account that changed. */
export type Changed = { accountId: string; conversationIds: string[] };

/**
 * What a committed transaction causes in other flows. A flow returns it as a value, and `afterCommit` routes it. Every
 * part may be lost, in a crash or while the queue is down: the reconciler makes up for it.
 */
export type Caused = {
  /** Wakes to schedule. */
  alarms?: readonly Alarm[];
  /** Whether the outbox holds something new to send. */
  owes?: boolean;
  /** Conversations to publish to subscribers. */
  changed?: Changed;
  /** An account whose lanes have to be scheduled anew, for its new rules version. */
  newRules?: { accountId: string; version: number };
};

/** The result of a flow, with what it caused. */
export type Causing<Result> = { result: Result; caused: Caused };

/** Waits for a flow, routes what it caused, and returns its result. Routing never fails. */
export type AfterCommit = <Result>(flow: Promise<Causing<Result>>) => Promise<Result>;

/** The rules of accounts, cached by version. A caller names the version that it has just read. */
export type RulesCache = {
  /** The rules of an account at this version or a newer one. @throws NotFoundError */
  at(accountId: string, version: number): Promise<AccountRules>;
  /** The rules of an account now. @throws NotFoundError */
  newest(accountId: string): Promise<AccountRules>;
};

/** Lanes as a transaction found them. */
export type FoundLanes = {
  accountId: string;
  /** Their ids, by the key of their facts. */
  ids: ReadonlyMap<string, string>;
  /** The alarms of those that are due at once. */
  alarms: readonly Alarm[];
  idOf(facts: LaneFacts): string;
};

/** The ids of lanes by their facts. Lanes are never deleted, so a cached id stays valid. */
export type LaneDirectory = {
  /** Finds lanes, and inserts those that are missing, within the transaction. */
  find(sql: TransactionSql, accountId: string, facts: Iterable<LaneFacts>, now: Date): Promise<FoundLanes>;
  /** Caches the ids that `find` read. Call it only once the transaction has committed. */
  remember(found: FoundLanes): void;
  /** The cached id of a lane; undefined if it is not in the cache. */
  known(accountId: string, facts: LaneFacts): string | undefined;
};

/**
 * An identifier by which an erased customer could be recognised: the address on a channel, the id of a message (which may
 * contain the address), or the key and the arguments of an idempotent call (which may name the address).
 */
type Identifier = { accountId: string; value: string } & (
  | { kind: 'ADDRESS' | 'MESSAGE'; channelId: string }
  | { kind: 'IDEMPOTENCY_KEY' | 'REQUEST'; channelId: null }
);

/** The keyed hash of an identifier. It is the same every time, and useless without the secret key. */
export type IdentifierHash = (identifier: Identifier) => string;

/** Runs more statements in a call's transaction: before and after `act`, which applies the call. Throws to apply nothing. */
export type Around = (sql: TransactionSql, act: () => Promise<ActivityResult[]>) => Promise<ActivityResult[]>;

/** What the flows work with. */
export type EngineDeps = {
  db: Database;
  clock: Clock;
  rules: RulesCache;
  /** The rules of a channel's adapter with its settings. */
  rulesOfAdapter: RulesOfAdapter;
  lanes: LaneDirectory;
  newId: () => string;
  identifierHash: IdentifierHash;
  /** Records the activities of one call, micro-batched with other calls of the account; see `ingest/micro-batcher.ts`. */
  record: (accountId: string, activities: readonly Activity[]) => Promise<ActivityResult[]>;
  /** Records activities in one transaction with other statements. */
  recordAround: (
    accountId: string,
    activities: readonly Activity[],
    around: Around,
  ) => Promise<Causing<ActivityResult[]>>;
  /** Counts each wake and its duration; absent if no metrics are collected. */
  woke?: (wake: WakeReport, tookMs: number) => void;
};

/** What those that call flows work with: they route what a flow caused. */
export type ServiceDeps = EngineDeps & { afterCommit: AfterCommit };

/** The maximum number of activities in one call. */
export const MAX_ACTIVITIES = BOUNDS.activities.max;
