import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readConversations } from '../../src/db/reads.ts';
import { readRelaning } from '../../src/db/relaning.ts';
import type { Action } from '../../src/domain/activity.ts';
import { nextDue } from '../../src/domain/timers.ts';
import { apply } from '../../src/lifecycle/apply.ts';
import { setExemptTags } from '../../src/lifecycle/exempt-tags.ts';
import type { Activity, LifecycleDeps } from '../../src/lifecycle/lifecycle.ts';
import { relaneStep } from '../../src/lifecycle/relane.ts';
import { createAccount, ensureAgents, ensureChannel } from '../../src/lifecycle/setup.ts';
import { wakeLane } from '../../src/lifecycle/wake.ts';
import { at, type Engine, HOUR, MINUTE, openEngine } from '../support/engine.ts';

const SECOND = 1_000;
const ODD = `a "tag", with {signs} \\ and é`;

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine(at('12:00'));
  await engine.policy({ autoCloseAfter: 'PT2H' });
});
/** Leaves nothing open, no tag exempt and no walk to be done. */
beforeEach(async () => {
  await engine.db.sql`
    update conversation set status = 'ENDED', lane_id = null, ended_at = ${engine.clock.now()} where account_id = ${engine.accountId}`;
  await exempts();
  await walk();
});
afterAll(() => engine.drop());

const inMs = (ms: number) => new Date(engine.clock.now().getTime() + ms);
const exempts = (...tags: string[]) =>
  setExemptTags(engine.deps, engine.accountId, tags, null, { changedBy: 'test', why: null });
const progress = () => readRelaning(engine.db.sql, engine.accountId);
const step = (deps: Partial<LifecycleDeps> = {}) => relaneStep({ ...engine.deps, ...deps }, engine.accountId);
/** A clock by which every step takes longer than it may. */
function slowClock(): LifecycleDeps['clock'] {
  let asked = 0;
  return { now: () => inMs(asked++ * 11 * SECOND), isTrusted: () => true };
}

/** Walks to the end of a pass: until nothing is to be done just now. */
async function pass(): Promise<number> {
  let moved = 0;
  for (let done = await step(); done !== null; done = await step()) moved += done.moved;
  return moved;
}
/** Both passes, and the time that has to lie between them. */
async function walk(): Promise<void> {
  await pass();
  engine.clock.advance(20 * SECOND);
  await pass();
}
/** Ann answers customers who wrote and whose conversations are tagged; returns when. */
async function quiet(addresses: readonly string[], tags: readonly string[]): Promise<Date> {
  const actions: Action[] = [
    { kind: 'INBOUND' },
    { kind: 'TAG', add: tags, remove: [] },
    { kind: 'OUTBOUND', sender: 'AGENT', agentId: engine.ann },
  ];
  const activities = addresses.flatMap((address): Activity[] =>
    actions.map((action) => ({ target: { channelId: engine.channelId, address }, action })),
  );
  for (let from = 0; from < activities.length; from += 900)
    await engine.apply(...activities.slice(from, from + 900));
  return engine.clock.now();
}
const numbered = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${prefix} ${index}`);
async function isInExemptLane(address: string): Promise<boolean> {
  const { lane_id } = await engine.latest(address);
  const [lane] = await engine.db.sql`select exempt from lane where id = ${lane_id as string}`;
  return lane?.exempt as boolean;
}
/** How many of the account's open conversations are in a lane that is exempt, and in one that is not. */
async function spread() {
  const [row] = await engine.db.sql`
    select count(*) filter (where exempt)::int as exempt, count(*) filter (where not exempt)::int as others
    from conversation join lane on lane.id = lane_id where conversation.account_id = ${engine.accountId}`;
  return row;
}

describe('exempting a tag', () => {
  it.each(['vip', ODD])('PE-7 stops the close at once, before anybody walks: %s', async (tag) => {
    const since = await quiet(['soon'], [tag]);
    await quiet(['plain'], []);
    engine.clock.advance(2 * HOUR - SECOND);
    await exempts(tag);
    await engine.runUntil(inMs(10 * SECOND));
    expect(await engine.latest('soon')).toMatchObject({ status: 'ACTIVE' });
    expect(await isInExemptLane('soon')).toBe(false);
    expect(await engine.latest('plain')).toMatchObject({
      status: 'ENDED',
      ended_at: new Date(since.getTime() + 2 * HOUR),
      lateness_ms: '0',
    });
  });

  it('PE-7 stops the close of what was due already, too', async () => {
    await quiet(['due'], ['vip']);
    engine.clock.advance(3 * HOUR);
    await exempts('vip');
    await engine.wakeAll();
    expect(await engine.latest('due')).toMatchObject({ status: 'ACTIVE' });
  });

  it('PE-7 the walk then puts it into an exempt lane, with no event, and the lanes sleep', async () => {
    await quiet(['walked', 'to come'], ['vip']);
    await quiet(['plain'], []);
    const before = await engine.latest('walked');
    const feed = await engine.feed(before.id);
    engine.clock.advance(3 * HOUR);
    await exempts('vip');
    await walk();
    expect(await isInExemptLane('walked')).toBe(true);
    const { lane_id: _lane, placed_at: _placed, ...rest } = await engine.latest('walked');
    expect(before).toMatchObject(rest);
    expect(await engine.feed(before.id)).toEqual(feed);
    await engine.runUntil(inMs(24 * HOUR));
    expect(await engine.latest('walked')).toMatchObject({ status: 'ACTIVE' });
    expect(await engine.latest('plain')).toMatchObject({ status: 'ENDED' });
  });

  it('PE-6 PE-7 a hold still ends, and nothing closes after it, before anybody walks', async () => {
    await quiet(['held'], ['vip']);
    await engine.does('held', { kind: 'HOLD', until: inMs(HOUR) });
    await exempts('vip');
    await engine.runUntil(inMs(3 * HOUR + 2 * SECOND));
    expect(await engine.latest('held')).toMatchObject({ status: 'ACTIVE', held: false });
    expect(await isInExemptLane('held')).toBe(false);
    await walk();
    expect(await isInExemptLane('held')).toBe(true);
  });

  it('PE-7 LP-11 the protection still closes it, before anybody walks', async () => {
    const since = await quiet(['old'], ['vip']);
    await exempts('vip');
    await engine.jumpTo(new Date(since.getTime() + 90 * 24 * HOUR));
    expect(await engine.latest('old')).toMatchObject({ status: 'ENDED', end_reason: 'PROTECTION' });
  });

  it('a row that cannot be written behind it is still found and set aside', async () => {
    await quiet(['exempt'], ['vip']);
    engine.clock.advance(SECOND);
    await quiet(['bad'], []);
    const { id, revision, lane_id: laneId } = await engine.latest('bad');
    await engine.db.sql`
      insert into event (account_id, conversation_id, revision, kind, at, recorded_at, actor, channel_id, status, awaiting)
      select account_id, conversation_id, ${(revision as number) + 1}, 'COMMENT', at, recorded_at, actor, channel_id, status, awaiting
      from event where conversation_id = ${id} and revision = ${revision as number}`;
    await exempts('vip');
    engine.clock.advance(3 * HOUR);
    const lane = { accountId: engine.accountId, laneId: laneId as string, wakeAt: null };
    expect(await wakeLane(engine.deps, lane)).toMatchObject({ setAside: [id] });
    expect(await engine.latest('exempt')).toMatchObject({ status: 'ACTIVE', lane_id: laneId });
  });
});

describe('exempting it no more', () => {
  it('PE-7 it closes at the instant that it would have, not before', async () => {
    await exempts('vip');
    const since = await quiet(['back'], ['vip']);
    expect(await isInExemptLane('back')).toBe(true);
    engine.clock.advance(HOUR);
    await exempts();
    await walk();
    expect(await isInExemptLane('back')).toBe(false);
    await engine.runUntil(new Date(since.getTime() + 2 * HOUR - 1));
    expect(await engine.latest('back')).toMatchObject({ status: 'ACTIVE' });
    await engine.runUntil(new Date(since.getTime() + 2 * HOUR));
    expect(await engine.latest('back')).toMatchObject({
      status: 'ENDED',
      ended_at: new Date(since.getTime() + 2 * HOUR),
      lateness_ms: '0',
    });
  });

  it('PE-7 LL-13 what was due meanwhile closes once it is walked to, and is late from then on only', async () => {
    await exempts('vip');
    await quiet(['overdue'], ['vip']);
    engine.clock.advance(5 * HOUR);
    await exempts();
    await engine.runUntil(inMs(10 * SECOND));
    expect(await engine.latest('overdue')).toMatchObject({ status: 'ACTIVE' });
    await pass();
    const placed = engine.clock.now();
    engine.clock.advance(300);
    await engine.runUntil(engine.clock.now());
    expect(await engine.latest('overdue')).toMatchObject({
      status: 'ENDED',
      ended_at: new Date(placed.getTime() + 300),
      lateness_ms: '300',
    });
  });
});

describe('the walk', () => {
  it('PE-7 goes over thousands in steps, counts them, and ends after its second pass', async () => {
    await quiet(numbered('many plain', 1_500), []);
    await quiet(numbered('many vip', 3_000), ['vip']);
    await exempts('vip');
    const { version } = await engine.deps.rules.newest(engine.accountId);
    const startedAt = engine.clock.now();
    expect(await progress()).toEqual({ version, scanned: 0, moved: 0, startedAt, doneAt: null });
    engine.clock.advance(SECOND);
    let steps = 0;
    let seen = { scanned: 0, moved: 0 };
    for (let done = await step(); done !== null; done = await step()) {
      steps++;
      expect(done.scanned).toBeLessThanOrEqual(2_000);
      seen = { scanned: seen.scanned + done.scanned, moved: seen.moved + done.moved };
      expect(await progress()).toMatchObject(seen);
    }
    expect(steps).toBeGreaterThan(2);
    expect(seen).toEqual({ scanned: 4_500, moved: 3_000 });
    expect(await spread()).toEqual({ exempt: 3_000, others: 1_500 });

    engine.clock.advance(20 * SECOND - 1);
    expect(await step()).toBeNull();
    engine.clock.advance(1);
    expect(await pass()).toBe(0);
    const doneAt = engine.clock.now();
    expect(await progress()).toEqual({ version, ...seen, startedAt, doneAt });
    expect(await step()).toBeNull();
  });

  it('PE-7 goes on where it stood after a crash, having lost nothing of the step that failed', async () => {
    await quiet(numbered('crash', 4_000), ['vip']);
    await exempts('vip');
    let moved = 0;
    while (moved === 0) moved = (await step())?.moved ?? 0;
    const standing = [await progress(), await spread()];
    expect(standing).toMatchObject([{ moved }, { exempt: moved, others: 4_000 - moved }]);
    await expect(step({ clock: slowClock() })).rejects.toThrow('took too long');
    const lanes = { find: () => Promise.reject(new Error('the worker is gone')) };
    await expect(step({ lanes })).rejects.toThrow('the worker is gone');
    expect([await progress(), await spread()]).toEqual(standing);
    await walk();
    expect(await progress()).toMatchObject({ scanned: 4_000, moved: 4_000 });
    expect(await spread()).toEqual({ exempt: 4_000, others: 0 });
  });

  it('PE-7 two at a time share it, and move each once', async () => {
    await quiet(numbered('two', 5_000), ['vip']);
    await exempts('vip');
    const walker = async () => {
      let moved = 0;
      for (;;) {
        const done = await step();
        moved += done?.moved ?? 0;
        const row = await engine.db.sql`select pass from relaning where account_id = ${engine.accountId}`;
        if (row[0]?.pass === 2) return moved;
      }
    };
    const [one, other] = await Promise.all([walker(), walker()]);
    expect(one + other).toBe(5_000);
    expect(await progress()).toMatchObject({ scanned: 5_000, moved: 5_000 });
    expect(await spread()).toEqual({ exempt: 5_000, others: 0 });
  });

  it('PE-7 a newer change begins it anew, and the newest tags hold', async () => {
    await quiet(['first'], ['vip']);
    await quiet(['second'], ['escalated']);
    await exempts('vip');
    await pass();
    await exempts('escalated');
    expect(await progress()).toMatchObject({ scanned: 0, moved: 0, doneAt: null });
    await walk();
    expect(await isInExemptLane('first')).toBe(false);
    expect(await isInExemptLane('second')).toBe(true);
    expect(await progress()).toMatchObject({ scanned: 2, moved: 2 });
  });

  it('PE-7 who wrote by the former tags behind its back is found in the second pass', async () => {
    await quiet(['known'], ['vip']);
    const former = await engine.deps.rules.newest(engine.accountId);
    await exempts('vip');
    await pass();
    expect(await isInExemptLane('known')).toBe(true);
    const late = { ...engine.deps, rules: { at: async () => former, newest: async () => former } };
    const action: Action = { kind: 'COMMENT', agentId: engine.ann };
    await apply(late, engine.accountId, [
      { target: { channelId: engine.channelId, address: 'known' }, action },
    ]);
    expect(await isInExemptLane('known')).toBe(false);
    await engine.runUntil(inMs(19 * SECOND));
    expect(await step()).toBeNull();
    engine.clock.advance(SECOND);
    expect(await pass()).toBe(1);
    expect(await isInExemptLane('known')).toBe(true);
    expect(await progress()).toMatchObject({ scanned: 1, moved: 2, doneAt: engine.clock.now() });
  });

  it('PE-7 moves what has changed between its look and its lock as it then stands, or not at all', async () => {
    await quiet(['ended meanwhile', 'tagged meanwhile', 'waiting'], ['vip']);
    await exempts('vip');
    const ids = await Promise.all(
      ['ended meanwhile', 'tagged meanwhile'].map(async (address) => (await engine.latest(address)).id),
    );
    let walking: Promise<number> = Promise.resolve(0);
    await engine.db.sql.begin(async (sql) => {
      await sql`select 1 from conversation where account_id = ${engine.accountId} and id = any(${ids}) for no key update`;
      walking = pass();
      // It waits for the rows once it has looked.
      for (;;) {
        const [row] = await engine.db
          .sql`select count(*)::int as waiting from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
        if (row?.waiting > 0) break;
      }
      await sql`update conversation set status = 'ENDED', lane_id = null, ended_at = ${engine.clock.now()} where id = ${ids[0] as string}`;
      await sql`update conversation set tags = '{}' where id = ${ids[1] as string}`;
    });
    expect(await walking).toBe(1);
    expect(await engine.latest('ended meanwhile')).toMatchObject({ status: 'ENDED', lane_id: null });
    expect(await isInExemptLane('tagged meanwhile')).toBe(false);
    expect(await isInExemptLane('waiting')).toBe(true);
  });

  it('leaves alone what was set aside, and does nothing while the clock is not trusted', async () => {
    await quiet(['aside'], ['vip']);
    const { id } = await engine.latest('aside');
    await engine.db
      .sql`update conversation set lane_id = null where account_id = ${engine.accountId} and id = ${id}`;
    await exempts('vip');
    engine.clock.setTrusted(false);
    expect(await step()).toBeNull();
    expect(await progress()).toMatchObject({ doneAt: null });
    engine.clock.setTrusted(true);
    await walk();
    expect(await engine.latest('aside')).toMatchObject({ lane_id: null });
  });

  it('PE-7 touches no other account', async () => {
    const { deps } = engine;
    const other = await createAccount(deps, { name: 'other' });
    const channelId = await ensureChannel(deps, other, { name: 'web', adapter: 'web', settings: {} });
    await ensureAgents(deps, other, ['ann']);
    const target = { channelId, address: 'theirs' };
    await apply(deps, other, [
      { target, action: { kind: 'INBOUND' } },
      { target, action: { kind: 'TAG', add: ['vip'], remove: [] } },
    ]);
    const theirs = () => engine.db.sql`select * from conversation where account_id = ${other}`;
    const before = await theirs();
    await quiet(['ours'], ['vip']);
    await exempts('vip');
    await walk();
    expect(await isInExemptLane('ours')).toBe(true);
    expect([...(await theirs())]).toEqual([...before]);
    expect(await readRelaning(engine.db.sql, other)).toBeNull();
    expect(await relaneStep(deps, other)).toBeNull();
  });
});

describe('what is shown as due', () => {
  it('PE-1 PE-7 agrees with what acts, for many and through several changes', async () => {
    const addresses = numbered('shown', 300);
    for (const [index, tags] of [[], ['vip'], ['escalated'], ['vip', 'escalated']].entries()) {
      await quiet(
        addresses.filter((_, each) => each % 4 === index),
        tags,
      );
      engine.clock.advance(MINUTE);
    }
    const rows = await engine.db.sql<{ id: string }[]>`
      select id from conversation where account_id = ${engine.accountId} and status = 'ACTIVE'`;
    const ids = rows.map(({ id }) => id);
    expect(ids).toHaveLength(300);
    for (const [round, tags] of [['vip'], ['vip', 'escalated'], ['escalated']].entries()) {
      await exempts(...tags);
      if (round === 1) await walk();
      const rules = await engine.deps.rules.newest(engine.accountId);
      for (const each of await readConversations(engine.db.sql, engine.accountId, ids))
        expect(nextDue(rules, each)?.timer.kind).toBe(
          each.tags.some((tag) => tags.includes(tag)) ? 'PROTECT' : 'AUTO_CLOSE',
        );
    }
    const rules = await engine.deps.rules.newest(engine.accountId);
    const shown = new Map(
      (await readConversations(engine.db.sql, engine.accountId, ids)).map((each) => [
        each.id,
        nextDue(rules, each),
      ]),
    );
    await pass();
    await engine.runUntil(inMs(5 * HOUR));
    for (const each of await readConversations(engine.db.sql, engine.accountId, ids)) {
      const due = shown.get(each.id);
      if (due?.timer.kind === 'PROTECT') expect(each.status).toBe('ACTIVE');
      else
        expect(each).toMatchObject({
          status: 'ENDED',
          ending: { reason: 'AUTO_CLOSE', at: due?.at, latenessMs: 0 },
        });
    }
    expect([...shown.values()].filter((due) => due?.timer.kind === 'PROTECT')).toHaveLength(150);
  });
});
