import { describe, expect, it } from 'vitest';
import {
  type AfterCommitSteps,
  type Infallible,
  infallible,
  openAfterCommit,
} from '../../src/after-commit.ts';
import type { Alarm } from '../../src/db/rows/lanes.ts';
import type { Caused } from '../../src/engine.ts';
import { scheduleWakes } from '../../src/jobs/lane-wake.ts';
import type { Queues } from '../../src/jobs/queues.ts';
import { nudgeSender } from '../../src/jobs/relay-outbox.ts';
import { scheduleAccount } from '../../src/jobs/schedule-account.ts';
import { createLog } from '../../src/log.ts';
import { fakeClock } from '../support/clock.ts';
import { at } from '../support/domain.ts';
import { sourceFiles } from '../support/import-rules.ts';
import { root } from '../support/run.ts';

const alarm: Alarm = { accountId: 'account', laneId: 'lane', wakeAt: at('12:00') };
const changed = { accountId: 'account', conversationIds: ['one', 'two'] };
const newRules = { accountId: 'account', version: 3 };
const everything: Caused = { alarms: [alarm], owes: true, changed, newRules };

function recordingLog() {
  const lines: Record<string, unknown>[] = [];
  const log = createLog({ logLevel: 'warn' }, { write: (line) => lines.push(JSON.parse(line)) });
  return { log, lines };
}

/** Steps that record their calls and then run `act`. */
function recordingSteps(act: () => Promise<unknown> | undefined) {
  const called: [keyof AfterCommitSteps, unknown[]][] = [];
  const { log, lines } = recordingLog();
  const noting =
    (name: keyof AfterCommitSteps) =>
    (...args: unknown[]) => {
      called.push([name, args]);
      return infallible(log, `${name} failed`, act);
    };
  const steps: AfterCommitSteps = {
    scheduleWakes: noting('scheduleWakes'),
    nudgeSender: noting('nudgeSender'),
    publish: noting('publish'),
    scheduleAccount: noting('scheduleAccount'),
  };
  return { steps, called, lines };
}

const FAILURES: [how: string, act: () => Promise<unknown> | undefined][] = [
  ['rejects', () => Promise.reject(new Error('lost'))],
  [
    'throws at once',
    () => {
      throw new Error('lost');
    },
  ],
];

describe('a step after a commit', () => {
  it.each(FAILURES)('resolves when it %s, and its error is logged with its fields', async (_how, act) => {
    const { log, lines } = recordingLog();
    expect(await infallible(log, 'alarms were lost', act, { alarms: 2 })).toBeUndefined();
    expect(lines).toMatchObject([{ msg: 'alarms were lost', alarms: 2, err: { message: 'lost' } }]);
  });

  it('logs nothing when it succeeds, whether or not it is asynchronous', async () => {
    const { log, lines } = recordingLog();
    await infallible(log, 'lost', async () => 'kept');
    await infallible(log, 'lost', () => undefined);
    expect(lines).toEqual([]);
  });

  it('has a type to which no ordinary promise can be assigned', () => {
    const promise: Promise<void> = Promise.resolve();
    // @ts-expect-error: it may reject
    const asInfallible: Infallible = promise;
    // @ts-expect-error: so may an async function
    const step: AfterCommitSteps['nudgeSender'] = async () => {};
    expect([asInfallible, step]).toEqual([promise, step]);
  });
});

it('only `infallible` asserts that a promise never rejects', () => {
  const asserting = sourceFiles(root, ['src']).filter(({ text }) =>
    /\bas (?:unknown as )?Infallible\b/.test(text),
  );
  expect(asserting.map(({ path }) => path)).toEqual(['src/after-commit.ts']);
});

describe('the consequences of a flow', () => {
  it('are passed to one step each after the flow, and the result is returned', async () => {
    const { steps, called } = recordingSteps(async () => {});
    const flow = Promise.withResolvers<{ result: string; caused: Caused }>();
    const routed = openAfterCommit(steps)(flow.promise);
    expect(called).toEqual([]);
    flow.resolve({ result: 'result', caused: everything });
    expect(await routed).toBe('result');
    expect(called).toEqual([
      ['scheduleWakes', [[alarm]]],
      ['nudgeSender', []],
      ['publish', [changed]],
      ['scheduleAccount', ['account', 3]],
    ]);
  });

  it.each(FAILURES)('cannot fail the call, and every step runs, when each step %s', async (_how, act) => {
    const { steps, called, lines } = recordingSteps(act);
    expect(await openAfterCommit(steps)(Promise.resolve({ result: 'result', caused: everything }))).toBe(
      'result',
    );
    expect(called.map(([name]) => name)).toEqual([
      'scheduleWakes',
      'nudgeSender',
      'publish',
      'scheduleAccount',
    ]);
    expect(lines.map(({ msg }) => msg).sort()).toEqual(called.map(([name]) => `${name} failed`).sort());
  });

  it('run no step when there are none', async () => {
    const { steps, called } = recordingSteps(async () => {});
    const nothing: Caused = {
      alarms: [],
      owes: false,
      changed: { accountId: 'account', conversationIds: [] },
    };
    for (const caused of [{}, nothing])
      expect(await openAfterCommit(steps)(Promise.resolve({ result: 1, caused }))).toBe(1);
    expect(called).toEqual([]);
  });

  it('are dropped when the flow fails: its error is thrown, and no step runs', async () => {
    const { steps, called } = recordingSteps(async () => {});
    const failing: Promise<{ result: never; caused: Caused }> = Promise.reject(new Error('not committed'));
    await expect(openAfterCommit(steps)(failing)).rejects.toThrow('not committed');
    expect(called).toEqual([]);
  });
});

it.each(FAILURES)('no step of the service fails when the queue %s', async (_how, act) => {
  const { log, lines } = recordingLog();
  const queues = { add: act, addMany: act } as unknown as Queues;
  const clock = fakeClock(at('12:00'));
  await scheduleWakes(queues, clock, log, [alarm]);
  await scheduleWakes(queues, clock, log, [alarm, { ...alarm, laneId: 'other lane' }]);
  await nudgeSender(queues, clock, log);
  await scheduleAccount(queues, log, 'account', 3);
  expect(lines).toHaveLength(4);
  for (const line of lines) expect(line).toMatchObject({ err: { message: 'lost' }, msg: expect.any(String) });
});
