import { setTimeout as sleep } from 'node:timers/promises';
import type { Seen } from './auditor.ts';
import type { World } from './world.ts';

type SeenEnd = NonNullable<Seen['ends']>[number];

/** Polls for ends all the time, with its own clock. */
export type Observer = {
  /** The ends so far, and when they were seen: never before they were committed. */
  ends(): SeenEnd[];
  stop(): Promise<void>;
};

const EVERY_MS = 200;
/** A late commit may be this many pages before the newest row of the table. */
const PAGES_BACK = 200;

/** Existing ends are ignored. */
export async function startObserver({ postgres }: World): Promise<Observer> {
  const seen = new Map<string, SeenEnd | null>();
  let page = 0;
  let isOver = false;

  async function look(isFirst: boolean): Promise<void> {
    const rows = await postgres.sql(
      (sql) => sql<{ id: string; revision: number; effect: string | null; page: number }[]>`
        select conversation_id as id, revision, effect, (ctid::text::point)[0]::int as page from event
        where ctid > ${`(${Math.max(0, page - PAGES_BACK)},0)`}::tid and effect = 'ENDED'`,
    );
    const seenAt = new Date().toISOString();
    for (const { id, revision, page: at } of rows) {
      page = Math.max(page, at);
      const key = `${id} ${revision}`;
      if (seen.has(key)) continue;
      seen.set(key, isFirst ? null : { conversation_id: id, revision, seen_at: seenAt });
    }
  }

  async function watch(): Promise<void> {
    while (!isOver) {
      // A database that is down shows nothing: the end is seen later.
      await look(false).catch(() => undefined);
      await sleep(EVERY_MS);
    }
  }

  await look(true);
  const watching = watch();
  return {
    ends: () => [...seen.values()].filter((end) => end !== null),
    async stop() {
      isOver = true;
      await watching;
    },
  };
}
