import type { TransactionSql } from 'postgres';
import { type Alarm, insertLanes, lanesOn } from '../db/rows/lanes.ts';
import { type LaneFacts, laneKey } from '../domain/conversation/conversation.ts';

/** The ids of lanes by their facts. Lanes are never deleted, so what a process knows stays true. */
export type LaneDirectory = {
  /** Finds lanes, making those that are missing within the transaction. `remember` is called once it has committed. */
  find(sql: TransactionSql, accountId: string, facts: Iterable<LaneFacts>, now: Date): Promise<FoundLanes>;
  /** The id of a lane that this process has met before; undefined: it has not. */
  known(accountId: string, facts: LaneFacts): string | undefined;
};
export type FoundLanes = { idOf(facts: LaneFacts): string; alarms: Alarm[]; remember(): void };

/** Lane ids kept at most; beyond, all are forgotten and found again as they are needed. */
const LANES_KEPT = 200_000;

/** Opens an empty directory. */
export function openLaneDirectory(newId: () => string): LaneDirectory {
  const known = new Map<string, string>();
  return {
    known: (accountId, facts) => known.get(`${accountId} ${laneKey(facts)}`),

    async find(sql, accountId, facts, now) {
      const wanted = new Map<string, LaneFacts>();
      for (const each of facts) wanted.set(laneKey(each), each);
      const found = new Map<string, string>();
      const alarms: Alarm[] = [];
      const missing = [...wanted]
        .filter(([key]) => !known.has(`${accountId} ${key}`))
        .map(([, each]) => each);
      if (missing.length > 0) {
        await insertLanes(
          sql,
          accountId,
          missing.map((each) => ({ id: newId(), facts: each })),
          now,
        );
        for (const lane of await lanesOn(sql, accountId, [
          ...new Set(missing.map((each) => each.channelId)),
        ])) {
          const key = laneKey(lane.facts);
          found.set(key, lane.id);
          if (wanted.has(key) && lane.wakeAt !== null && lane.wakeAt <= now)
            alarms.push({ accountId, laneId: lane.id, wakeAt: lane.wakeAt });
        }
      }
      return {
        alarms,
        idOf(each) {
          const key = laneKey(each);
          const id = found.get(key) ?? known.get(`${accountId} ${key}`);
          if (id === undefined) throw new Error(`no lane for ${key}`);
          return id;
        },
        remember() {
          if (known.size > LANES_KEPT) known.clear();
          for (const [key, id] of found) known.set(`${accountId} ${key}`, id);
        },
      };
    },
  };
}
