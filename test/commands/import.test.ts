import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { testFolder } from '../support/folder.ts';
import { urlOf } from '../support/live.ts';
import { root } from '../support/run.ts';

const SAMPLE = 'examples/support-timeline.csv';
const folder = testFolder();
let test: TestDatabase;
beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(async () => {
  await test.drop();
  rmSync(folder, { recursive: true });
});

function lull(...args: string[]) {
  const env = { PATH: process.env.PATH, DATABASE_URL: urlOf(test.address) };
  return spawnSync(process.execPath, ['src/cli.ts', ...args], { cwd: root, encoding: 'utf8', env });
}

async function counted(account: string) {
  const rows = await test.database.sql`
    select coalesce(timer, event.effect, 'message') as kind, count(*)::int as count
    from event join account using (account_id) where account.name = ${account} group by 1`;
  return Object.fromEntries(rows.map((row) => [row.kind, row.count]));
}

async function everything() {
  const [row] = await test.database.sql`
    select (select count(*)::int from conversation) as conversations, (select count(*)::int from event) as events,
      (select count(*)::int from contact) as contacts`;
  return row;
}

describe('lull import', () => {
  it('imports a timeline with the same results as lull replay', async () => {
    const { status, stderr, stdout } = lull('import', SAMPLE, '--account', 'history');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^3112 messages added, 0 already known.* rows\/s\n$/);
    // The profile's own P90D: the row of `lull replay --after P90D`.
    expect(await counted('history')).toMatchObject({
      STARTED: 789,
      AUTO_CLOSE: 664,
      END_UNANSWERED: 4,
      PROTECT: 121,
    });
    const [ended] = await test.database.sql`
      select max(abs(lateness_ms))::int as latest, count(*) filter (where lane_id is not null)::int as lanes,
        count(*) filter (where end_reason = 'AUTO_CLOSE' and ended_at = last_activity_at + interval '90 days')::int as on_time
      from conversation where status = 'ENDED'`;
    expect(ended).toEqual({ latest: 0, lanes: 0, on_time: 664 });
    expect(await test.database.sql`select 1 from outbox`).toHaveLength(0);
  });

  it('adds nothing when the same file is imported again', async () => {
    const before = await everything();
    const { status, stdout } = lull('import', SAMPLE, '--account', 'history');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^0 messages added, 3112 already known/);
    expect(await everything()).toEqual(before);
  });

  it('with --shift-to-now, conversations below the threshold stay open in lanes with an alarm', async () => {
    expect(lull('import', SAMPLE, '--account', 'live', '--shift-to-now').status).toBe(0);
    const [open] = await test.database.sql`
      select count(*)::int as open, count(lane.wake_at)::int as woken, max(newest_at) <= now() as past
      from conversation left join lane on lane.account_id = conversation.account_id and lane.id = lane_id
      where conversation.account_id = (select account_id from account where name = 'live') and conversation.status <> 'ENDED'`;
    expect(open?.open).toBeGreaterThan(100);
    expect(open).toMatchObject({ woken: open?.open, past: true });
  });

  it('skips messages in the future and prints their number', () => {
    const file = join(folder, 'ahead.csv');
    writeFileSync(
      file,
      'conversation,at,from,agent,skill\nc1,2020-01-01T00:00:00Z,consumer,,\nc1,2999-01-01T00:00:00Z,agent,a,\n',
    );
    expect(lull('import', file, '--account', 'ahead').stdout).toMatch(
      /^1 messages added, 0 already known, 1 skipped because they are in the future/,
    );
  });

  it.each([
    ['an invalid instant', 'c1,yesterday,consumer,,', /line 3, column at/],
    ['an unknown sender', 'c1,2020-01-02T00:00:00Z,robot,,', /line 3, column from/],
    ['messages out of order', 'c1,2019-01-01T00:00:00Z,consumer,,', /line 3, column at/],
  ])('imports nothing from a file with %s, and names line and column', async (_what, row, message) => {
    const file = join(folder, 'bad.csv');
    writeFileSync(file, `conversation,at,from,agent,skill\nc1,2020-01-01T00:00:00Z,consumer,,\n${row}\n`);
    const before = await everything();
    const { status, stderr, stdout } = lull('import', file, '--account', 'never made');
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect(await everything()).toEqual(before);
    expect(await test.database.sql`select 1 from account where name = 'never made'`).toHaveLength(0);
  });
});
