import { describe, expect, it } from 'vitest';
import { batched, batchedById, coalesced } from '../../src/schema/core/batch.ts';

/** Waits for the end of this turn of the event loop and for the reads that it starts. */
const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
const settled = (asked: Promise<unknown>[]) => Promise.allSettled(asked);

describe('coalesced', () => {
  /** Records the reads in the order in which they start; the test settles each. */
  function openCoalesced() {
    const reads: { key: string; resolve: (value: string) => void; reject: (error: unknown) => void }[] = [];
    const ask = coalesced(
      (key: string) => new Promise<string>((resolve, reject) => reads.push({ key, resolve, reject })),
    );
    return { ask, reads, keys: () => reads.map(({ key }) => key) };
  }

  it('reads a key once for all calls of one turn of the event loop, at its end', async () => {
    const { ask, reads, keys } = openCoalesced();
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

  it('reads again for a call made after a read has started, and caches nothing', async () => {
    const { ask, reads, keys } = openCoalesced();
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

  it('rejects all coalesced calls with the failure and does not cache it', async () => {
    const { ask, reads } = openCoalesced();
    const error = new Error('not to be read');
    const asked = settled([ask('a'), ask('a')]);
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

  it('rejects with an error that is thrown synchronously, as with any other', async () => {
    const error = new Error('thrown, not rejected');
    let times = 0;
    const ask = coalesced((_key: string): Promise<string> => {
      times++;
      throw error;
    });
    for (const round of [1, 2]) {
      expect(await settled([ask('a'), ask('a')])).toEqual([
        { status: 'rejected', reason: error },
        { status: 'rejected', reason: error },
      ]);
      expect(times).toBe(round);
    }
  });
});

describe('batched', () => {
  it('reads all keys of one turn together, in the order of the calls', async () => {
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

  it('rejects all calls of the batch with its failure, and no later one', async () => {
    const error = new Error('not to be read');
    const ask = batched(async (keys: readonly number[]) => {
      if (keys.includes(0)) throw error;
      return keys;
    });
    const failed = settled([ask(1), ask(0)]);
    await turn();
    expect(await settled([ask(1)])).toEqual([{ status: 'fulfilled', value: 1 }]);
    expect(await failed).toEqual([
      { status: 'rejected', reason: error },
      { status: 'rejected', reason: error },
    ]);
  });
});

describe('batchedById', () => {
  it('reads each id once; an unknown id gives null, and null gives null without a read', async () => {
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
