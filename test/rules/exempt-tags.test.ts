import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readConversations } from '../../src/db/rows/conversations-by-id.ts';
import { nextDue } from '../../src/domain/time/timers.ts';
import { backfillWorld } from '../support/backfill-world.ts';
import { at, type Engine, HOUR, MINUTE, openEngine } from '../support/engine.ts';
import { wakeLane } from '../support/flows.ts';

const SECOND = 1_000;
const ODD = `a "tag", with {signs} \\ and é`;

let engine: Engine;
const { inMs, exempts, pass, walk, quiet, numbered, isInExemptLane, clear } = backfillWorld(() => engine);
beforeAll(async () => {
  engine = await openEngine(at('12:00'));
  await engine.policy({ autoCloseAfter: 'PT2H' });
});
beforeEach(clear);
afterAll(() => engine.drop());

describe('exempting a tag', () => {
  it.each(['vip', ODD])('PE-7 stops the close at once, before the exemption backfill: %s', async (tag) => {
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

  it('PE-7 also stops the close of a conversation that was already due', async () => {
    await quiet(['due'], ['vip']);
    engine.clock.advance(3 * HOUR);
    await exempts('vip');
    await engine.wakeAll();
    expect(await engine.latest('due')).toMatchObject({ status: 'ACTIVE' });
  });

  it('PE-7 lets the backfill put conversations into an exempt lane without an event, and the lanes sleep', async () => {
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

  it('PE-6 PE-7 lets a hold end before the backfill, and nothing closes after it', async () => {
    await quiet(['held'], ['vip']);
    await engine.does('held', { kind: 'HOLD', until: inMs(HOUR) });
    await exempts('vip');
    await engine.runUntil(inMs(3 * HOUR + 2 * SECOND));
    expect(await engine.latest('held')).toMatchObject({ status: 'ACTIVE', held: false });
    expect(await isInExemptLane('held')).toBe(false);
    await walk();
    expect(await isInExemptLane('held')).toBe(true);
  });

  it('PE-7 LP-11 does not stop the protection from closing it before the backfill', async () => {
    const since = await quiet(['old'], ['vip']);
    await exempts('vip');
    await engine.jumpTo(new Date(since.getTime() + 90 * 24 * HOUR));
    expect(await engine.latest('old')).toMatchObject({ status: 'ENDED', end_reason: 'PROTECTION' });
  });

  it('does not hide a later conversation that cannot be written: it is found and set aside', async () => {
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

describe('ending the exemption of a tag', () => {
  it('PE-7 closes a conversation at its original due instant, not before', async () => {
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

  it('PE-7 LL-13 closes an overdue conversation when the backfill reaches it, and lateness counts from then', async () => {
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

describe('the due time that is shown', () => {
  it('PE-1 PE-7 agrees with the timers for 300 conversations through several changes of exempt tags', async () => {
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
