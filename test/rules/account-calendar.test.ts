import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { conversationOf } from '../../src/db/rows/conversations.ts';
import type { OpenHours } from '../../src/domain/time/open-hours.ts';
import { nextDue } from '../../src/domain/time/timers.ts';
import { createCalendar } from '../../src/rules/calendars.ts';
import { type Engine, HOUR, openEngine } from '../support/engine.ts';
import { changeRules, ensureChannel, setAccountCalendar, updateCalendar } from '../support/flows.ts';

let engine: Engine;
let app: string;
const author = { changedBy: 'test', why: null };
const call = { key: null, request: null };
/** This business is open in the night from Saturday to Sunday, in which daylight saving time changes. */
const NIGHT: OpenHours = {
  timeZone: 'Europe/Berlin',
  weekly: [{ day: 7, from: '01:00', until: '05:00' }],
  holidays: [],
};

let calendars = 0;
const calendar = (hours: OpenHours) =>
  createCalendar(engine.deps, engine.accountId, { name: `calendar ${++calendars}`, hours }, call);
const ofAccount = (id: string | null) =>
  setAccountCalendar(engine.deps, { accountId: engine.accountId, author, call }, id);
const ofChannel = (channelId: string, calendarId: string | null) =>
  changeRules(engine.deps, { accountId: engine.accountId, author }, async (sql) => {
    await sql`update channel set calendar_id = ${calendarId} where account_id = ${engine.accountId} and id = ${channelId}`;
    return { kind: 'CHANNEL', channelId, skillId: null, before: null, after: null };
  });

async function quiet(address: string, channelId = engine.channelId): Promise<void> {
  const target = { channelId, address };
  await engine.apply(
    { target, action: { kind: 'INBOUND' } },
    { target, action: { kind: 'OUTBOUND', sender: 'AGENT', agentId: engine.ann } },
  );
}
async function dueOf(address: string): Promise<Date | undefined> {
  const rules = await engine.deps.rules.newest(engine.accountId);
  return nextDue(rules, conversationOf(await engine.latest(address)))?.at;
}

describe('PE-8 a daylight saving change during open hours', () => {
  const night = async (start: string, autoCloseAfter: string) => {
    engine = await openEngine(new Date(start));
    await engine.policy({ autoCloseAfter });
    await ofAccount((await calendar(NIGHT)).id);
    await quiet('night');
  };
  const closesAt = async (due: string) => {
    expect(await dueOf('night')).toEqual(new Date(due));
    await engine.runUntil(new Date(Date.parse(due) - 1));
    expect(await engine.latest('night')).toMatchObject({ status: 'ACTIVE' });
    await engine.runUntil(new Date(due));
    expect(await engine.latest('night')).toMatchObject({
      ...{ status: 'ENDED', ended_at: new Date(due), lateness_ms: '0' },
    });
    await engine.drop();
  };

  it('PE-8 forward: two hours after 01:30 in Berlin it is 04:30', async () => {
    await night('2026-03-29T00:30:00Z', 'PT2H');
    await closesAt('2026-03-29T02:30:00Z');
  });

  it('PE-8 forward: time left over from the shorter night counts in the next night, in summer time', async () => {
    await night('2026-03-29T01:30:00Z', 'PT2H');
    await closesAt('2026-04-04T23:30:00Z');
  });

  it('PE-8 back: four and a half hours after 01:15 in Berlin it is 04:45', async () => {
    await night('2026-10-24T23:15:00Z', 'PT4H30M');
    await closesAt('2026-10-25T03:45:00Z');
  });
});

describe('the account’s calendar', () => {
  /** A Monday, before the opening time. */
  const start = new Date('2026-01-05T06:00:00Z');
  const opens = (from: string): OpenHours => ({
    timeZone: 'UTC',
    weekly: [{ day: 1, from, until: '17:00' }],
    holidays: [],
  });
  beforeAll(async () => {
    engine = await openEngine(start);
    app = await ensureChannel(engine.deps, engine.accountId, {
      name: 'app',
      adapter: 'in-app',
      settings: {},
    });
    await engine.policy({ autoCloseAfter: 'PT2H' });
    await quiet('on web');
    await quiet('on app', app);
  });
  afterAll(() => engine.drop());
  beforeEach(async () => {
    await ofAccount(null);
    await ofChannel(app, null);
  });

  const due = async () => [await dueOf('on web'), await dueOf('on app')];
  const hours = (...after: number[]) => after.map((each) => new Date(start.getTime() + each * HOUR));

  it('PE-8 applies to channels without a calendar of their own; a channel’s own calendar takes precedence', async () => {
    expect(await due()).toEqual(hours(2, 2));
    const nine = await calendar(opens('09:00'));
    await ofAccount(nine.id);
    expect(await due()).toEqual(hours(5, 5));
    const twelve = await calendar(opens('12:00'));
    await ofChannel(app, twelve.id);
    expect(await due()).toEqual(hours(5, 8));
    await ofAccount(null);
    expect(await due()).toEqual(hours(2, 8));
  });

  it('PE-8 LL-3 creates one rules version when it is chosen or changed, and writes no conversation', async () => {
    const nine = await calendar(opens('09:00'));
    const { sql } = engine.db;
    const written = () => sql`select id, xmin::text, ctid::text from conversation order by id`;
    const version = async () => (await engine.deps.rules.newest(engine.accountId)).version;
    const [before, from] = [await written(), await version()];
    expect(before).toHaveLength(2);
    await ofAccount(nine.id);
    await ofAccount(nine.id);
    expect(await version()).toBe(from + 1);
    const hours10 = { hours: opens('10:00') };
    await updateCalendar(engine.deps, { accountId: engine.accountId, author, call }, nine.id, hours10);
    expect(await version()).toBe(from + 2);
    await engine.wakeAll();
    expect(await due()).toEqual(hours(6, 6));
    expect(await written()).toEqual(before);
  });
});
