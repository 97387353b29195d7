import type { IdentifierHash } from './accounts/identifier-hash.ts';
import type { Clock } from './clock.ts';
import type { Database } from './db/client.ts';
import type { Alarm } from './db/rows/lanes.ts';
import { BOUNDS } from './domain/bounds.ts';
import type { Action } from './domain/conversation/activity.ts';
import type { LullError } from './domain/errors.ts';
import type { RulesCache } from './rules/rules-cache.ts';
import type { LaneDirectory } from './wake/lane-directory.ts';
import type { WakeReport } from './wake/wake-lane.ts';

/** Where an activity belongs: a conversation by id, or whoever is at an address of a channel. */
export type Target = { conversationId: string } | { channelId: string; address: string };

/** One thing reported or asked. `at`: when it happened; absent: now. `messageId` makes it idempotent within its channel. */
export type Activity = { target: Target; action: Action; at?: Date | null; messageId?: string | null };

/** What became of one activity; the order is that of the call. REFUSED alone carries an error, and changed nothing. */
export type ActivityResult = {
  outcome: 'APPLIED' | 'DUPLICATE' | 'IGNORED' | 'REFUSED';
  conversationId: string | null;
  error: LullError | null;
};

/** What has changed, told after commit, as best one can. */
export type Changed = { accountId: string; conversationIds: string[] };

/**
 * What the lifecycle works with. `arm`, `tell` and `relay` come after commit and never fail: the
 * reconciler and the feed make up for what gets lost.
 */
export type EngineDeps = {
  db: Database;
  clock: Clock;
  rules: RulesCache;
  lanes: LaneDirectory;
  newId: () => string;
  /** By what an erased address or message id is known again. */
  identifierHash: IdentifierHash;
  /** Puts alarms into the queue. */
  scheduleWakes: (alarms: readonly Alarm[]) => Promise<void>;
  /** Tells subscribers of changed conversations, in its own time. */
  publish: (changed: Changed) => void;
  /** Says that the outbox has something to send. */
  nudgeSender: () => Promise<void>;
  /** Told of every wake and how long it took; absent where nobody counts. */
  woke?: (wake: WakeReport | { kind: 'failed' }, tookMs: number) => void;
};

/** Activities a call may carry at most. */
export const MAX_ACTIVITIES = BOUNDS.activities.max;
