import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAccount } from '../../src/accounts/setup.ts';
import type { Alarm } from '../../src/db/rows/lanes.ts';
import { implementLaneWake, scheduleWakes } from '../../src/jobs/lane-wake.ts';
import type { Queues, When } from '../../src/jobs/queues.ts';
import { createLog } from '../../src/log.ts';
import { at, type Engine, MINUTE, openEngine } from '../support/engine.ts';

const log = createLog({ logLevel: 'silent' });

type Added = { id: string; givesWay: boolean; payload: Record<string, unknown> };
let added: Added[] = [];
let removed: string[] = [];
/** A queue that accepts every job and runs none. */
const queues = {
  add: async (_job: unknown, payload: Added['payload'], { id, givesWay = false }: When) =>
    void added.push({ id, givesWay, payload }),
  addMany: async (_job: unknown, entries: readonly (When & { payload: Added['payload'] })[]) =>
    void added.push(...entries.map(({ id, givesWay = false, payload }) => ({ id, givesWay, payload }))),
  remove: async (_job: unknown, id: string) => void removed.push(id),
} as unknown as Queues;

let engine: Engine;
beforeEach(async () => {
  added = [];
  removed = [];
  engine = await openEngine(at('12:00'));
  await engine.policy({ autoCloseAfter: 'PT2H' });
});
afterEach(() => engine.drop());

const inMs = (ms: number) => new Date(engine.clock.now().getTime() + ms);
const arm = (...alarms: Alarm[]) => scheduleWakes(queues, engine.clock, log, alarms);

/** A lane whose next alarm is far in the future. */
async function waitingLane(address = 'waiting') {
  await engine.writes(address);
  await engine.answers(address);
  engine.clock.advance(MINUTE);
  await engine.wakeAll();
  const laneId = (await engine.latest(address)).lane_id as string;
  return { laneId, wakeAt: await wakeAtOf(laneId) };
}

async function wakeAtOf(laneId: string): Promise<Date> {
  const [lane] = await engine.db.sql`select wake_at from lane where id = ${laneId}`;
  return lane?.wake_at;
}

/** Runs the job that was added last. */
async function runLast() {
  const { id, payload } = added.at(-1) as Added;
  await implementLaneWake(engine.deps, queues).run(payload, { id, log });
}

describe('an alarm that replaces a later one', () => {
  it('names it if a conversation enters the lane with an old clock', async () => {
    const { laneId, wakeAt } = await waitingLane();
    await engine.writes('older', { at: inMs(-3 * MINUTE) });
    await engine.answers('older', { at: inMs(-2 * MINUTE) });
    const alarm = { accountId: engine.accountId, laneId, wakeAt: inMs(0), instead: wakeAt };
    expect(engine.armed).toContainEqual(alarm);
  });

  it('names it if the rules change', async () => {
    const { laneId, wakeAt } = await waitingLane();
    engine.armed.length = 0;
    await engine.policy({ autoCloseAfter: 'PT3H' });
    const alarm = { accountId: engine.accountId, laneId, wakeAt: inMs(0), instead: wakeAt };
    expect(engine.armed).toContainEqual(alarm);
  });

  it('removes it from the queue if the lane then has another alarm', async () => {
    const { laneId, wakeAt } = await waitingLane();
    engine.armed.length = 0;
    await engine.policy({ autoCloseAfter: 'PT3H' });
    await arm(engine.armed.find((alarm) => alarm.laneId === laneId) as Alarm);
    await runLast();
    expect((await wakeAtOf(laneId)).getTime()).toBeGreaterThan(wakeAt.getTime());
    expect(removed).toEqual([`${laneId}-${wakeAt.getTime()}`]);
  });

  it('leaves it in the queue if the lane returns to it', async () => {
    const { laneId, wakeAt } = await waitingLane();
    await engine.db.sql`update lane set wake_at = ${inMs(0)} where id = ${laneId}`;
    await arm({ accountId: engine.accountId, laneId, wakeAt: inMs(0), instead: wakeAt });
    await runLast();
    expect(await wakeAtOf(laneId)).toEqual(wakeAt);
    expect(removed).toEqual([]);
  });

  it('removes it from the queue if the lane was woken by another alarm', async () => {
    const { laneId, wakeAt } = await waitingLane();
    const instead = new Date(wakeAt.getTime() + 1);
    await arm({ accountId: engine.accountId, laneId, wakeAt: inMs(0), instead });
    await runLast();
    expect(await wakeAtOf(laneId)).toEqual(wakeAt);
    expect(removed).toEqual([`${laneId}-${instead.getTime()}`]);
  });
});

describe('many wakes of one account', () => {
  let release = () => {};
  let woken: string[] = [];
  afterAll(() => release());

  /** A worker whose wakes last until they are released. */
  function slowWorker() {
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    woken = [];
    const at = async (accountId: string, version: number) => {
      woken.push(accountId);
      await released;
      return await engine.deps.rules.at(accountId, version);
    };
    const deps = { ...engine.deps, rules: { ...engine.deps.rules, at } };
    return implementLaneWake(deps, queues);
  }
  async function laneOf(accountId: string): Promise<string> {
    const [lane] = await engine.db.sql`
      insert into lane (account_id, id, channel_id, status, awaiting, held, manual_response_time, exempt, stage, overflowed, wake_at, floor)
      select ${accountId}, ${engine.deps.newId()}, ${engine.deps.newId()}, 'ACTIVE', 'CONSUMER', false, false, false, 0, false, ${inMs(0)}, ${inMs(0)}
      returning id`;
    return lane?.id;
  }

  it('move to the end of the queue from the fourth on, so that another account does not wait', async () => {
    const other = await createAccount(engine.deps, { name: 'other', profile: 'LULL' });
    const worker = slowWorker();
    const wake = async (accountId: string, id: string, gaveWay = false) => {
      const payload = { accountId, laneId: await laneOf(accountId), wakeAtMs: inMs(0).getTime() };
      return worker.run({ ...payload, ...(gaveWay && { gaveWay }) }, { id, log });
    };
    const slow = ['1', '2', '3'].map((id) => wake(engine.accountId, id));
    await expect.poll(() => woken.length).toBe(3);

    await wake(engine.accountId, '4');
    expect(added).toMatchObject([{ id: '4-later', givesWay: true, payload: { gaveWay: true } }]);
    expect(woken).toHaveLength(3);

    slow.push(wake(other, '5'));
    await expect.poll(() => woken).toContain(other);
    slow.push(wake(engine.accountId, '4-later', true));
    await expect.poll(() => woken.length).toBe(5);
    release();
    await Promise.all(slow);

    await wake(engine.accountId, '6');
    expect(woken).toHaveLength(6);
    expect(added.filter(({ id }) => id.endsWith('-later'))).toHaveLength(1);
  });

  it('give way from the start if more than 16 lanes are due at once', async () => {
    const alarms = (count: number, wakeAt: Date): Alarm[] =>
      Array.from({ length: count }, () => ({
        ...{ accountId: engine.accountId, laneId: engine.deps.newId(), wakeAt },
      }));
    await arm(...alarms(16, inMs(0)));
    expect(added.some(({ givesWay }) => givesWay)).toBe(false);
    await arm(...alarms(17, inMs(1)));
    expect(added.some(({ givesWay }) => givesWay)).toBe(false);
    added = [];
    await arm(...alarms(17, inMs(0)));
    expect(added.map(({ givesWay, payload }) => givesWay && payload.gaveWay)).toEqual(Array(17).fill(true));
  });
});
