import { type Alarm, insertLanes, type NewLane } from '../db/rows/lanes.ts';
import { laneKey } from '../domain/conversation/conversation.ts';
import type { LaneDirectory } from '../engine.ts';
import { readLanesByFacts } from './lanes-by-facts.ts';

/** The maximum number of cached ids. When it is exceeded, the whole cache is dropped and filled again on demand. */
const MAX_CACHED_LANES = 200_000;

/** Opens a directory with an empty cache. */
export function openLaneDirectory(newId: () => string): LaneDirectory {
  const cache = new Map<string, string>();
  return {
    known: (accountId, facts) => cache.get(cacheKey(accountId, laneKey(facts))),
    async find(sql, accountId, facts, now) {
      const ids = new Map<string, string>();
      const missing = new Map<string, NewLane>();
      for (const each of facts) {
        const key = laneKey(each);
        const id = cache.get(cacheKey(accountId, key));
        if (id !== undefined) ids.set(key, id);
        else missing.set(key, { id: newId(), facts: each });
      }
      const alarms: Alarm[] = [];
      if (missing.size > 0) {
        const lanes = [...missing.values()];
        await insertLanes(sql, accountId, lanes, now);
        for (const { id, facts: own, wakeAt } of await readLanesByFacts(sql, accountId, lanes)) {
          ids.set(laneKey(own), id);
          if (wakeAt !== null && wakeAt <= now) alarms.push({ accountId, laneId: id, wakeAt });
        }
      }
      return {
        accountId,
        ids,
        alarms,
        idOf(each) {
          const id = ids.get(laneKey(each));
          if (id === undefined) throw new Error(`no lane was found for ${laneKey(each)}`);
          return id;
        },
      };
    },
    remember({ accountId, ids }) {
      if (cache.size > MAX_CACHED_LANES) cache.clear();
      for (const [key, id] of ids) cache.set(cacheKey(accountId, key), id);
    },
  };
}

function cacheKey(accountId: string, key: string): string {
  return `${accountId} ${key}`;
}
