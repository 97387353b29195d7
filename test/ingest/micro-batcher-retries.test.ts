import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { NotAllowedError, UnavailableError } from '../../src/domain/errors.ts';
import type { Activity, ActivityResult } from '../../src/engine.ts';
import { openMicroBatcher } from '../../src/ingest/micro-batcher.ts';
import { activity, resultOf } from '../support/calls-by-hand.ts';

/** One batch. It ends when the test says so. */
type Group = {
  ids: string[];
  calls: number;
  /** Applies all activities except those that exceeded the limit. */
  succeed(tooMuch: readonly string[]): void;
  fail(error: unknown): void;
};

let groups: Group[] = [];
let call: (...ids: string[]) => Promise<ActivityResult[]>;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate'] });
  groups = [];
  const together = openMicroBatcher((_accountId, activities, calls) => applyByHand(activities, calls));
  call = (...ids) => together('one', ids.map(activity));
});
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

function applyByHand(activities: readonly Activity[], calls: number): Promise<ActivityResult[]> {
  const ids = activities.map(({ messageId }) => messageId as string);
  const number = groups.length;
  return new Promise((resolve, reject) => {
    const succeed: Group['succeed'] = (tooMuch) =>
      resolve(ids.map((id) => (tooMuch.includes(id) ? unavailable(id, number) : resultOf(id))));
    groups.push({ ids, calls, succeed, fail: reject });
  });
}
const tooMuchOf = (id: string, number: number) => `too much of ${id}, in ${number}`;
const unavailable = (id: string, number: number): ActivityResult => ({
  ...{ outcome: 'REFUSED', conversationId: null },
  error: new UnavailableError(tooMuchOf(id, number)),
});
const refused = (id: string, number: number) => ({
  ...{ outcome: 'REFUSED', conversationId: null },
  error: { message: tooMuchOf(id, number) },
});

/** All batches so far, each with its number of calls. */
const applied = () => groups.map(({ ids, calls }) => [ids.join(' '), calls]);
const turn = () => vi.advanceTimersByTimeAsync(0);
const group = (index: number) => groups[index] as Group;
/** Ends one batch and lets its consequences happen. */
async function end(index: number, ...tooMuch: string[]) {
  group(index).succeed(tooMuch);
  await turn();
}
async function fail(index: number, error: unknown) {
  group(index).fail(error);
  await turn();
}

describe('an activity that exceeds the limit of a micro-batch', () => {
  it('is retried once, call by call, without the activities that were applied', async () => {
    const told = [call('a'), call('b', 'c', 'd', 'e'), call('f', 'g'), call('h')];
    await turn();
    await end(0, 'c', 'e', 'g');
    expect(applied()).toEqual([
      ['a b c d e f g h', 4],
      ['c e', 1],
      ['g', 1],
    ]);
    expect(await told[0]).toEqual([resultOf('a')]);
    expect(await told[3]).toEqual([resultOf('h')]);
    await end(2);
    expect(await told[2]).toEqual([resultOf('f'), resultOf('g')]);
    await end(1);
    expect(await told[1]).toEqual(['b', 'c', 'd', 'e'].map(resultOf));
    expect(groups).toHaveLength(3);
  });

  it('is not retried a second time', async () => {
    const told = [call('a', 'b'), call('c')];
    await turn();
    await end(0, 'a', 'b');
    await end(1, 'b');
    expect(await Promise.all(told)).toMatchObject([[resultOf('a'), refused('b', 1)], [resultOf('c')]]);
    expect(applied()).toEqual([
      ['a b c', 2],
      ['a b', 1],
    ]);
  });

  it.each([new UnavailableError('too slow'), new TypeError('not a function')])(
    'keeps its first result when the retry fails: %s',
    async (error) => {
      const told = [call('a', 'b'), call('c')];
      await turn();
      await end(0, 'b');
      await fail(1, error);
      expect(await Promise.all(told)).toMatchObject([[resultOf('a'), refused('b', 0)], [resultOf('c')]]);
      expect(applied()).toEqual([
        ['a b c', 2],
        ['b', 1],
      ]);
    },
  );

  it('is refused without a retry when its call ran alone, short or long', async () => {
    const short = call('a', 'b');
    await turn();
    await end(0, 'b');
    expect(await short).toMatchObject([resultOf('a'), refused('b', 0)]);
    const long = call(...Array.from({ length: 51 }, (_, index) => `long ${index}`));
    await end(1, 'long 7');
    expect((await long)[7]).toMatchObject(refused('long 7', 1));
    expect(groups).toHaveLength(2);
  });

  it('is also retried after a batch is bisected, but not when its call already ran alone', async () => {
    const told = Promise.allSettled([call('a'), call('b'), call('bad')]);
    await turn();
    const error = new TypeError('not a function');
    await fail(0, error);
    expect(applied()).toEqual([
      ['a b bad', 3],
      ['a', 1],
      ['b bad', 2],
    ]);
    await end(1, 'a');
    await end(2, 'b');
    expect(applied()).toEqual([
      ['a b bad', 3],
      ['a', 1],
      ['b bad', 2],
      ['b', 1],
    ]);
    await end(3);
    expect(await told).toMatchObject([
      { status: 'fulfilled', value: [refused('a', 1)] },
      { status: 'fulfilled', value: [resultOf('b')] },
      { status: 'fulfilled', value: [resultOf('bad')] },
    ]);
  });

  it('is the only kind of refused activity that is retried', async () => {
    const together = openMicroBatcher(async (_accountId, activities, calls) => {
      seen.push(calls);
      return activities.map(({ messageId }) => ({
        ...{ outcome: 'REFUSED', conversationId: null },
        error: new NotAllowedError(messageId as string, 'ENDED', 'no'),
      }));
    });
    const seen: number[] = [];
    const told = Promise.all([together('one', [activity('a')]), together('one', [activity('b')])]);
    await turn();
    expect(await told).toMatchObject([[{ error: { command: 'a' } }], [{ error: { command: 'b' } }]]);
    expect(seen).toEqual([2]);
  });
});
