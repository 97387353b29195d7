import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { UnavailableError } from '../../src/domain/errors.ts';
import { openMicroBatcher } from '../../src/ingest/micro-batcher.ts';
import { activity, resultOf } from '../support/calls-by-hand.ts';

/** One batch. It ends when the test says so. */
type Group = { accountId: string; ids: string[]; calls: number; succeed(): void; fail(error: unknown): void };

let groups: Group[] = [];
let call: (accountId: string, ...ids: string[]) => Promise<string[]>;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate'] });
  groups = [];
  const together = openMicroBatcher(applyByHand);
  call = async (accountId, ...ids) => {
    const results = await together(accountId, ids.map(activity));
    return results.map(({ conversationId }) => conversationId as string);
  };
});
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

const applyByHand: Parameters<typeof openMicroBatcher>[0] = (accountId, activities, calls) => {
  const ids = activities.map(({ messageId }) => messageId as string);
  return new Promise((resolve, reject) => {
    groups.push({ accountId, ids, calls, succeed: () => resolve(ids.map(resultOf)), fail: reject });
  });
};

const applied = () => groups.map(({ ids }) => ids.join(' '));
const turn = () => vi.advanceTimersByTimeAsync(0);
const group = (index: number) => groups[index] as Group;
/** Ends one batch and lets its consequences happen. */
async function end(index: number) {
  group(index).succeed();
  await turn();
}
async function fail(index: number, error: unknown) {
  group(index).fail(error);
  await turn();
}
const ids = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);

describe('small calls of an account', () => {
  it('are batched if they arrive in one turn of the event loop, and each gets its own results', async () => {
    const calls = [call('one', 'a'), call('one', 'b', 'c'), call('one'), call('one', 'd')];
    expect(applied()).toEqual([]);
    await turn();
    expect(applied()).toEqual(['a b c d']);
    expect(group(0).calls).toBe(4);
    await end(0);
    expect(await Promise.all(calls)).toEqual([['of a'], ['of b', 'of c'], [], ['of d']]);
  });

  it('are batched after the running batch in the order of arrival', async () => {
    const first = call('one', 'a');
    await turn();
    const second = call('one', 'b');
    await turn();
    const third = call('one', 'c', 'd');
    await turn();
    expect(applied()).toEqual(['a']);
    await end(0);
    expect(applied()).toEqual(['a', 'b c d']);
    expect(await first).toEqual(['of a']);
    await end(1);
    expect(await Promise.all([second, third])).toEqual([['of b'], ['of c', 'of d']]);
  });

  it('run immediately once all earlier batches have ended', async () => {
    for (const [index, id] of ['a', 'b', 'c'].entries()) {
      const alone = call('one', id);
      await turn();
      expect(applied()).toHaveLength(index + 1);
      await end(index);
      expect(await alone).toEqual([`of ${id}`]);
    }
  });

  it('do not wait for calls of another account', async () => {
    const calls = [call('one', 'a'), call('two', 'b')];
    await turn();
    calls.push(call('one', 'c'), call('two', 'd'));
    await end(1);
    expect(groups.map(({ accountId, ids }) => [accountId, ...ids])).toEqual([
      ['one', 'a'],
      ['two', 'b'],
      ['two', 'd'],
    ]);
    await end(0);
    for (const index of [2, 3]) await end(index);
    expect(await Promise.all(calls)).toEqual([['of a'], ['of b'], ['of c'], ['of d']]);
  });

  it('are not batched with a call of more than 50 activities, which runs alone at once', async () => {
    const short = call('one', 'a');
    await turn();
    const long = call('one', ...ids('long', 51));
    expect(group(1)).toMatchObject({ ids: ids('long', 51), calls: 1 });
    const next = call('one', ...ids('short', 50));
    await end(1);
    expect(await long).toHaveLength(51);
    expect(groups).toHaveLength(2);
    await end(0);
    expect(group(2).ids).toEqual(ids('short', 50));
    await end(2);
    expect(await Promise.all([short, next])).toEqual([['of a'], ids('of short', 50)]);
  });

  it('are applied in batches of at most 500 activities, and no call is divided', async () => {
    const sizes = [...Array<number>(10).fill(50), 1, ...Array<number>(10).fill(48), 48];
    const calls = sizes.map((size, index) => call('one', ...ids(`${index} `, size)));
    await turn();
    expect(groups.map(({ ids }) => ids.length)).toEqual([500]);
    await end(0);
    await end(1);
    await end(2);
    expect(groups.map(({ ids }) => ids.length)).toEqual([500, 481, 48]);
    expect(await Promise.all(calls)).toEqual(sizes.map((size, index) => ids(`of ${index} `, size)));
  });
});

describe('a batch that hangs', () => {
  it('delays other calls by 5 ms at most', async () => {
    const stuck = call('one', 'stuck');
    await turn();
    const early = call('one', 'early');
    await vi.advanceTimersByTimeAsync(3);
    const late = call('one', 'late');
    await vi.advanceTimersByTimeAsync(1);
    expect(applied()).toEqual(['stuck']);
    await vi.advanceTimersByTimeAsync(1);
    expect(applied()).toEqual(['stuck', 'early late']);
    await end(1);
    expect(await Promise.all([early, late])).toEqual([['of early'], ['of late']]);

    const next = call('one', 'next');
    await vi.advanceTimersByTimeAsync(5);
    await end(2);
    expect(await next).toEqual(['of next']);
    await end(0);
    expect(await stuck).toEqual(['of stuck']);
  });

  it('delays calls that did not fit into it by 5 ms at most, too', async () => {
    const calls = Array.from({ length: 30 }, (_, index) => call('one', ...ids(`${index} `, 50)));
    await turn();
    await vi.advanceTimersByTimeAsync(5);
    await vi.advanceTimersByTimeAsync(5);
    expect(groups.map(({ ids }) => ids.length)).toEqual([500, 500, 500]);
    for (const index of [2, 0, 1]) await end(index);
    expect(await Promise.all(calls)).toEqual(calls.map((_, index) => ids(`of ${index} `, 50)));
  });
});

describe('when a batch fails', () => {
  const coded = (code: string) => Object.assign(new Error(code), { code });

  it.each([
    ['the service cannot take it', new UnavailableError('too slow')],
    ['the connection broke', coded('CONNECTION_CLOSED')],
    ['the connection was reset', coded('ECONNRESET')],
    ['the database shuts down', coded('57P01')],
    ['the disk is full', coded('53100')],
    ['a commit of which nobody knows', coded('40003')],
  ])('because %s, every call gets the error and nothing is applied again', async (_why, error) => {
    const told = Promise.allSettled([call('one', 'a'), call('one', 'b', 'c')]);
    await turn();
    const waiting = call('one', 'd');
    await fail(0, error);
    expect(await told).toEqual([
      { status: 'rejected', reason: error },
      { status: 'rejected', reason: error },
    ]);
    expect(applied()).toEqual(['a b c', 'd']);
    await end(1);
    expect(await waiting).toEqual(['of d']);
  });

  it.each([
    ['a text the database does not take', coded('22021')],
    ['a constraint', coded('23514')],
    ['a key too long for its index', coded('54000')],
    ['what somebody holds', coded('55P03')],
    ['a deadlock', coded('40P01')],
    ['a serialization failure', coded('40001')],
    ['a fault of ours', new TypeError('not a function')],
    ['nothing at all', undefined],
  ])('by %s, it is bisected until only the failing call fails', async (_why, error) => {
    const told = Promise.allSettled([
      ...[call('one', 'a'), call('one', 'bad', 'b')],
      ...[call('one', 'c'), call('one', 'd')],
    ]);
    await turn();
    const waiting = call('one', 'e');
    await fail(0, error);
    expect(applied()).toEqual(['a bad b c d', 'a bad b', 'c d']);
    await fail(1, error);
    expect(applied().slice(3)).toEqual(['a', 'bad b']);
    expect(groups.map(({ calls }) => calls)).toEqual([4, 2, 2, 1, 1]);
    await end(3);
    await fail(4, error);
    await end(2);
    expect(await told).toEqual([
      { status: 'fulfilled', value: ['of a'] },
      { status: 'rejected', reason: error },
      { status: 'fulfilled', value: ['of c'] },
      { status: 'fulfilled', value: ['of d'] },
    ]);
    expect(applied().slice(5)).toEqual(['e']);
    await end(5);
    expect(await waiting).toEqual(['of e']);
  });

  it('a call that ran alone is not retried', async () => {
    const error = new TypeError('not a function');
    const told = Promise.allSettled([call('one', 'a')]);
    await turn();
    await fail(0, error);
    expect(await told).toEqual([{ status: 'rejected', reason: error }]);
    expect(applied()).toEqual(['a']);
  });

  it('before it starts, every call gets the error and the next call is not delayed', async () => {
    const error = new Error('thrown, not rejected');
    const together = openMicroBatcher(() => {
      throw error;
    });
    for (let round = 0; round < 2; round++) {
      const told = Promise.allSettled([together('one', [activity('a')]), together('one', [activity('b')])]);
      await turn();
      expect(await told).toEqual([
        { status: 'rejected', reason: error },
        { status: 'rejected', reason: error },
      ]);
    }
  });
});
