import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { at, type Engine, HOUR, MINUTE, openEngine } from '../support/engine.ts';
import { wakeLane } from '../support/flows.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine(at('12:00'));
  await engine.policy({ autoCloseAfter: 'PT2H' });
});
afterAll(() => engine.drop());

const inMs = (ms: number) => new Date(engine.clock.now().getTime() + ms);

async function quiet(address: string): Promise<Date> {
  await engine.writes(address);
  await engine.answers(address);
  return engine.clock.now();
}
const latenessOf = async (address: string) => {
  const { status, lateness_ms } = await engine.latest(address);
  expect(status).toBe('ENDED');
  return lateness_ms === null ? null : Number(lateness_ms);
};

describe('lateness', () => {
  it('LL-13 counts from the due instant', async () => {
    await quiet('due');
    await engine.jumpTo(inMs(2 * HOUR + 10_500));
    expect(await latenessOf('due')).toBe(10_500);
  });

  it('LL-13 counts from when the rules took effect if they made the conversation due', async () => {
    await quiet('rules');
    await engine.runUntil(inMs(HOUR));
    await engine.policy({ autoCloseAfter: 'PT30M' });
    await engine.jumpTo(inMs(5000));
    expect(await latenessOf('rules')).toBe(5000);
    await engine.policy({ autoCloseAfter: 'PT2H' });
  });

  it('LL-13 counts from the recording of a late message that made the conversation due', async () => {
    await engine.runUntil(inMs(HOUR));
    await engine.writes('command', { at: inMs(-4 * HOUR) });
    await engine.answers('command', { at: inMs(-3 * HOUR) });
    await engine.jumpTo(inMs(2000));
    expect(await latenessOf('command')).toBe(2000);
  });

  it('LL-13 is not reduced by a comment on an overdue conversation', async () => {
    await quiet('comment');
    engine.clock.advance(2 * HOUR + 8000);
    await engine.does('comment', { kind: 'COMMENT', agentId: engine.ann });
    await engine.jumpTo(inMs(2000));
    expect(await latenessOf('comment')).toBe(10_000);
  });

  it('LL-13 is empty for an end by command', async () => {
    await quiet('by hand');
    await engine.does('by hand', { kind: 'END', by: 'AGENT', agentId: engine.ann });
    expect(await latenessOf('by hand')).toBeNull();
  });

  it('LL-13 is in the report of the wake, for each end', async () => {
    await quiet('first');
    engine.clock.advance(MINUTE);
    await quiet('second');
    const { lane_id: laneId } = await engine.latest('second');
    engine.clock.advance(2 * HOUR);
    const report = await wakeLane(engine.deps, {
      accountId: engine.accountId,
      laneId: laneId as string,
      wakeAt: null,
    });
    expect(report).toMatchObject({ kind: 'woken', acted: { AUTO_CLOSE: 2, PROTECT: 0 }, setAside: [] });
    if (report.kind !== 'woken') return;
    expect(Object.keys(report.latenessMs)).toEqual(['AUTO_CLOSE']);
    expect(report.latenessMs.AUTO_CLOSE?.sort((a, b) => a - b)).toEqual([0, MINUTE]);
  });

  it('LL-5 is stored with the rules version of each end', async () => {
    const { version } = await engine.policy({ autoCloseAfter: 'PT1H' });
    await quiet('run');
    await engine.runUntil(inMs(HOUR));
    expect(await engine.latest('run')).toMatchObject({ rules_version: String(version) });
  });
});
