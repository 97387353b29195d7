import type { Action } from '../../src/domain/conversation/activity.ts';
import type { Activity, EngineDeps } from '../../src/engine.ts';
import { readBackfill } from '../../src/rules/backfill-progress.ts';
import type { Engine } from './engine.ts';
import { backfillStep, setExemptTags } from './flows.ts';

/** What tests of exempt tags do and look at, on the engine of their file. */
export function backfillWorld(engine: () => Engine) {
  const inMs = (ms: number) => new Date(engine().clock.now().getTime() + ms);
  const exempts = (...tags: string[]) =>
    setExemptTags(
      engine().deps,
      { accountId: engine().accountId, author: { changedBy: 'test', why: null } },
      tags,
    );
  const progress = () => readBackfill(engine().db.sql, engine().accountId);
  const step = (deps: Partial<EngineDeps> = {}) =>
    backfillStep({ ...engine().deps, ...deps }, engine().accountId);
  /** Walks to the end of a pass: until nothing is to be done just now. */
  async function pass(): Promise<number> {
    let moved = 0;
    for (let done = await step(); done !== null; done = await step()) moved += done.moved;
    return moved;
  }
  /** Both passes, and the time that has to lie between them. */
  async function walk(): Promise<void> {
    await pass();
    engine().clock.advance(20_000);
    await pass();
  }
  /** Ann answers customers who wrote and whose conversations are tagged; returns when. */
  async function quiet(addresses: readonly string[], tags: readonly string[]): Promise<Date> {
    const actions: Action[] = [
      { kind: 'INBOUND' },
      { kind: 'TAG', add: tags, remove: [] },
      { kind: 'OUTBOUND', sender: 'AGENT', agentId: engine().ann },
    ];
    const activities = addresses.flatMap((address): Activity[] =>
      actions.map((action) => ({ target: { channelId: engine().channelId, address }, action })),
    );
    for (let from = 0; from < activities.length; from += 900)
      await engine().apply(...activities.slice(from, from + 900));
    return engine().clock.now();
  }
  const numbered = (prefix: string, count: number) =>
    Array.from({ length: count }, (_, index) => `${prefix} ${index}`);
  async function isInExemptLane(address: string): Promise<boolean> {
    const { lane_id } = await engine().latest(address);
    const [lane] = await engine().db.sql`select exempt from lane where id = ${lane_id as string}`;
    return lane?.exempt as boolean;
  }
  /** How many of the account's open conversations are in a lane that is exempt, and in one that is not. */
  async function spread() {
    const [row] = await engine().db.sql`
      select count(*) filter (where exempt)::int as exempt, count(*) filter (where not exempt)::int as others
      from conversation join lane on lane.id = lane_id where conversation.account_id = ${engine().accountId}`;
    return row;
  }
  /** Leaves nothing open, no tag exempt and no walk to be done. */
  async function clear(): Promise<void> {
    await engine().db.sql`
      update conversation set status = 'ENDED', lane_id = null, ended_at = ${engine().clock.now()} where account_id = ${engine().accountId}`;
    await exempts();
    await walk();
  }
  return { inMs, exempts, progress, step, pass, walk, quiet, numbered, isInExemptLane, spread, clear };
}
