import { describe, expect, it } from 'vitest';
import { batched, batchedById, coalesced } from '../../src/schema/core/batch.ts';

/** The end of this turn of the event loop, and what follows from it. */
const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
const told = (asked: Promise<unknown>[]) => Promise.allSettled(asked);

describe('coalesced', () => {
  /** What was read, in the order in which it began; each ends when the test says so. */
  function openShared() {
    const reads: { key: string; resolve: (value: string) => void; reject: (error: unknown) => void }[] = [];
    const ask = coalesced(
      (key: string) => new Promise<string>((resolve, reject) => reads.push({ key, resolve, reject })),
    );
    return { ask, reads, keys: () => reads.map(({ key }) => key) };
  }

  it('reads once for all who ask the same in one turn, and begins at its end', async () => {
    const { ask, reads, keys } = openShared();
    const asked = [ask('a'), ask('a'), ask('b')];
    await Promise.resolve();
    process.nextTick(() => asked.push(ask('a')));
    await Promise.resolve();
    expect(keys()).toEqual([]);
    await turn();
    expect(keys()).toEqual(['a', 'b']);
    reads[1]?.resolve('of b');
    reads[0]?.resolve('of a');
    expect(await Promise.all(asked)).toEqual(['of a', 'of a', 'of b', 'of a']);
  });

  it('reads anew for who asks once it has begun, and remembers nothing', async () => {
    const { ask, reads, keys } = openShared();
    const early = ask('a');
    await turn();
    expect(keys()).toEqual(['a']);
    const late = ask('a');
    await turn();
    expect(keys()).toEqual(['a', 'a']);
    reads[1]?.resolve('new');
    expect(await late).toBe('new');
    reads[0]?.resolve('old');
    expect(await early).toBe('old');

    const next = ask('a');
    await turn();
    expect(keys()).toEqual(['a', 'a', 'a']);
    reads[2]?.resolve('newest');
    expect(await next).toBe('newest');
  });

  it('tells a failure to all who asked, and does not keep it', async () => {
    const { ask, reads } = openShared();
    const error = new Error('not to be read');
    const asked = told([ask('a'), ask('a')]);
    const other = ask('b');
    await turn();
    reads[0]?.reject(error);
    reads[1]?.resolve('of b');
    expect(await asked).toEqual([
      { status: 'rejected', reason: error },
      { status: 'rejected', reason: error },
    ]);
    expect(await other).toBe('of b');
    const again = ask('a');
    await turn();
    reads[2]?.resolve('of a');
    expect(await again).toBe('of a');
  });

  it('tells what is thrown before a read begins like any other failure', async () => {
    const error = new Error('thrown, not rejected');
    let times = 0;
    const ask = coalesced((_key: string): Promise<string> => {
      times++;
      throw error;
    });
    for (const round of [1, 2]) {
      expect(await told([ask('a'), ask('a')])).toEqual([
        { status: 'rejected', reason: error },
        { status: 'rejected', reason: error },
      ]);
      expect(times).toBe(round);
    }
  });
});

describe('batched', () => {
  it('reads all that is asked for in one turn in one go, in the order of asking', async () => {
    const reads: (readonly number[])[] = [];
    const ask = batched(async (keys: readonly number[]) => {
      reads.push(keys);
      return keys.map((key) => key * 10);
    });
    expect(await Promise.all([ask(2), ask(1), ask(2)])).toEqual([20, 10, 20]);
    expect(reads).toEqual([[2, 1, 2]]);
    expect(await ask(2)).toBe(20);
    expect(reads).toEqual([[2, 1, 2], [2]]);
  });

  it('tells a failure to all of its turn, and to nobody after', async () => {
    const error = new Error('not to be read');
    const ask = batched(async (keys: readonly number[]) => {
      if (keys.includes(0)) throw error;
      return keys;
    });
    const failed = told([ask(1), ask(0)]);
    await turn();
    expect(await told([ask(1)])).toEqual([{ status: 'fulfilled', value: 1 }]);
    expect(await failed).toEqual([
      { status: 'rejected', reason: error },
      { status: 'rejected', reason: error },
    ]);
  });
});

describe('batchedById', () => {
  it('reads each id once; null for one that is not found, and for none, which costs no read', async () => {
    const reads: (readonly string[])[] = [];
    const ask = batchedById(async (ids) => {
      reads.push(ids);
      return [{ id: 'b' }, { id: 'a' }].filter(({ id }) => ids.includes(id));
    });
    expect(await ask(null)).toBeNull();
    expect(reads).toEqual([]);
    expect(await Promise.all([ask('a'), ask('gone'), ask(null), ask('b'), ask('a')])).toEqual([
      { id: 'a' },
      null,
      null,
      { id: 'b' },
      { id: 'a' },
    ]);
    expect(reads).toEqual([['a', 'gone', 'b']]);
  });
});
