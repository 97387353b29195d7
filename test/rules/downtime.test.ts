import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createAccount } from '../../src/accounts/setup.ts';
import { MIGRATIONS, migrateDatabase } from '../../src/db/migrate.ts';
import { conversationOf } from '../../src/db/rows/conversations.ts';
import { readHeartbeat, writeHeartbeat } from '../../src/db/rows/heartbeat.ts';
import { ALWAYS_OPEN } from '../../src/domain/time/calendar.ts';
import { nextDue } from '../../src/domain/time/timers.ts';
import { startHeartbeat } from '../../src/jobs/heartbeat.ts';
import { reconcile } from '../../src/jobs/reconciler.ts';
import { createLog } from '../../src/log.ts';
import { type Downtime, recordDowntime } from '../../src/rules/downtime.ts';
import { at, type Engine, HOUR, MINUTE, openEngine } from '../support/engine.ts';
import { ensureChannel } from '../support/flows.ts';

const log = createLog({ logLevel: 'silent' });
const SECOND = 1_000;
let engine: Engine;
beforeEach(async () => {
  engine = await openEngine(at('12:00'));
  await engine.policy({ autoCloseAfter: 'PT2H' });
});
afterEach(() => engine.drop());

const inMs = (ms: number) => new Date(engine.clock.now().getTime() + ms);
const beat = () => writeHeartbeat(engine.db.sql, engine.clock.now());
const lastBeat = () => readHeartbeat(engine.db.sql);
const start = () => recordDowntime(engine.deps);
const outages = () =>
  engine.db.sql`select account_id, kind, channel_id, since, until from outage order by account_id, id`;
const versions = (accountId = engine.accountId) =>
  engine.db
    .sql`select version, kind, channel_id, before, after, changed_by, changed_at, why from rules_version where account_id = ${accountId} order by version`;
async function due(address: string): Promise<Date | undefined> {
  const rules = await engine.deps.rules.newest(engine.accountId);
  return nextDue(rules, conversationOf(await engine.latest(address)))?.at;
}

describe('a start after the service was down', () => {
  it('LL-7 records an outage from the last heartbeat to 2 minutes after the start, and nothing closes because of it', async () => {
    await engine.writes('quiet');
    await engine.answers('quiet');
    await beat();
    const down = engine.clock.now();
    const conversation = await engine.latest('quiet');
    engine.clock.advance(5 * HOUR);
    expect(await start()).toEqual({ since: down, until: inMs(2 * MINUTE), accounts: 1 });
    expect(await engine.latest('quiet')).toEqual(conversation);
    expect(await outages()).toEqual([
      {
        ...{ account_id: engine.accountId, kind: 'DOWNTIME', channel_id: null },
        ...{ since: down, until: inMs(2 * MINUTE) },
      },
    ]);
    expect(await lastBeat()).toEqual(engine.clock.now());

    const closes = new Date(down.getTime() + 7 * HOUR + 2 * MINUTE);
    expect(await due('quiet')).toEqual(closes);
    await reconcile(engine.deps, log);
    await engine.wakeAll();
    expect(await engine.latest('quiet')).toEqual(conversation);
    await engine.runUntil(new Date(closes.getTime() - 1));
    expect(await engine.latest('quiet')).toMatchObject({ status: 'ACTIVE' });
    await engine.runUntil(closes);
    expect(await engine.latest('quiet')).toMatchObject({
      ...{ status: 'ENDED', ended_at: closes, lateness_ms: '0' },
    });
  });

  it('LL-7 changes the rules of every account once, and the reconciler puts the change into force', async () => {
    const other = await createAccount(engine.deps, { name: 'other' });
    await ensureChannel(engine.deps, other, { name: 'web', adapter: 'web', settings: {} });
    const before = new Map([
      [engine.accountId, (await versions()).length],
      [other, (await versions(other)).length],
    ]);
    await beat();
    const down = engine.clock.now();
    engine.clock.advance(HOUR);
    expect(await start()).toMatchObject({ accounts: 2 });
    const after = { kind: 'DOWNTIME', since: down.toISOString(), until: inMs(2 * MINUTE).toISOString() };
    for (const [accountId, count] of before) {
      const made = await versions(accountId);
      expect(made).toHaveLength(count + 1);
      expect(made.at(-1)).toEqual({
        ...{ version: String(Number(made.at(-2)?.version) + 1), kind: 'OUTAGE', channel_id: null },
        ...{ before: null, after, changed_by: 'service', changed_at: engine.clock.now() },
        why: 'the service was down',
      });
      const rules = await engine.deps.rules.newest(accountId);
      expect([rules.version, rules.since]).toEqual([Number(made.at(-1)?.version), engine.clock.now()]);
    }
    const behind = () => engine.db.sql`select 1 from account where scheduled_version <> rules_version`;
    expect(await behind()).toHaveLength(2);
    await reconcile(engine.deps, log);
    expect(await behind()).toHaveLength(0);
    expect(new Set((await engine.db.sql`select id from outage`).map(({ id }) => id)).size).toBe(2);
  });

  it('LL-7 does not affect an account that is created later', async () => {
    await beat();
    engine.clock.advance(HOUR);
    await start();
    const later = await createAccount(engine.deps, { name: 'later' });
    const channelId = await ensureChannel(engine.deps, later, { name: 'web', adapter: 'web', settings: {} });
    const rules = await engine.deps.rules.newest(later);
    expect(rules.channels.get(channelId)?.calendar).toBe(ALWAYS_OPEN);
    expect(await engine.db.sql`select 1 from outage where account_id = ${later}`).toHaveLength(0);
    expect(await versions(later)).toMatchObject([{ kind: 'CHANNEL' }]);
  });

  it('LL-7 records no outage at the first start ever', async () => {
    expect(await start()).toBeNull();
    expect(await outages()).toEqual([]);
    expect(await lastBeat()).toBeNull();
  });

  it('LL-7 records no outage for a gap of one minute, but records one for a gap 1 ms longer', async () => {
    await beat();
    engine.clock.advance(MINUTE);
    expect(await start()).toBeNull();
    engine.clock.advance(1);
    expect(await start()).toMatchObject({ accounts: 1 });
  });

  it('LL-7 records consecutive outages when several starts fail', async () => {
    await beat();
    const down = engine.clock.now();
    engine.clock.advance(HOUR);
    await start();
    for (let failed = 0; failed < 9; failed++) {
      engine.clock.advance(40 * SECOND);
      await start();
    }
    const [first, ...more] = await outages();
    expect(first?.since).toEqual(down);
    expect(more.length).toBe(4);
    const ends = [first, ...more].map((each) => each?.until.getTime());
    more.forEach(({ since }, index) => {
      expect(since.getTime()).toBeLessThan(ends[index] as number);
    });
    expect(ends.at(-1)).toBe(inMs(2 * MINUTE - 40 * SECOND).getTime());
  });

  it('LL-7 records one outage when several processes start at once', async () => {
    await beat();
    engine.clock.advance(HOUR);
    const found: (Downtime | null)[] = [];
    const starting = Array.from({ length: 4 }, () =>
      migrateDatabase(engine.address, log, MIGRATIONS, async () => void found.push(await start())),
    );
    await Promise.all(starting);
    expect(found.map((each) => each?.accounts)).toEqual([1, undefined, undefined, undefined]);
    expect(await outages()).toHaveLength(1);
  });

  it('LL-7 records nothing if it fails halfway, and the next start records the outage', async () => {
    await beat();
    engine.clock.advance(HOUR);
    const { sql } = engine.db;
    await sql`create function fail() returns trigger language plpgsql as 'begin raise exception ''full''; end'`;
    await sql`create trigger fail before insert on rules_version for each row execute function fail()`;
    await expect(start()).rejects.toThrow('full');
    expect(await outages()).toEqual([]);
    await sql`drop trigger fail on rules_version`;
    expect(await start()).toMatchObject({ accounts: 1 });
  });
});

describe('the heartbeat', () => {
  afterEach(() => vi.useRealTimers());

  it('LL-7 is written at once, every 15 s, and once more when it stops', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const heartbeat = await startHeartbeat(engine.deps, log);
    expect(await lastBeat()).toEqual(engine.clock.now());
    engine.clock.advance(15 * SECOND);
    vi.advanceTimersByTime(15 * SECOND - 1);
    expect(await lastBeat()).toEqual(inMs(-15 * SECOND));
    vi.advanceTimersByTime(1);
    await vi.waitFor(async () => expect(await lastBeat()).toEqual(engine.clock.now()), {
      timeout: 60_000,
      interval: 5,
    });
    engine.clock.advance(SECOND);
    await heartbeat.stop();
    expect(await lastBeat()).toEqual(engine.clock.now());
    engine.clock.advance(15 * SECOND);
    vi.advanceTimersByTime(15 * SECOND);
    expect(vi.getTimerCount()).toBe(0);
    expect(await lastBeat()).toEqual(inMs(-15 * SECOND));
  });

  it('LL-7 is not written while the clock is not trusted', async () => {
    engine.clock.setTrusted(false);
    const heartbeat = await startHeartbeat(engine.deps, log);
    await heartbeat.stop();
    expect(await lastBeat()).toBeNull();
  });

  it('LL-7 continues after a write that failed', async () => {
    const { sql } = engine.db;
    await sql`alter table service_state rename to away`;
    const heartbeat = await startHeartbeat(engine.deps, log);
    await sql`alter table away rename to service_state`;
    await heartbeat.stop();
    expect(await lastBeat()).toEqual(engine.clock.now());
  });
});
