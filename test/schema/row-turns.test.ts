import { afterEach, expect, it } from 'vitest';
import { openRowTurns, type RowTurns } from '../../src/schema/core/row-turns.ts';

let turns: RowTurns;
afterEach(() => turns.close());

it('a second account is served next, however many events of the first wait', async () => {
  turns = openRowTurns();
  const order: string[] = [];
  const take = async (account: string) => {
    await turns.take(account, 1_000, 'EVENT');
    order.push(account);
  };
  const all = Array.from({ length: 8 }, () => take('greedy'));
  all.push(take('quiet'));
  await Promise.all(all);
  expect(order.indexOf('quiet')).toBeLessThanOrEqual(2);
  expect(order).toHaveLength(9);
});

it('cheap events and requests do not wait for costly events', async () => {
  turns = openRowTurns();
  const order: string[] = [];
  const take = async (account: string, kind: 'REQUEST' | 'EVENT' | 'COSTLY_EVENT') => {
    await turns.take(account, 200, kind);
    order.push(kind);
  };
  const costly = Array.from({ length: 20 }, () => take('greedy', 'COSTLY_EVENT'));
  await Promise.all([take('quiet', 'EVENT'), take('quiet', 'REQUEST')]);
  expect(order.length).toBeLessThan(15);
  turns.close();
  await Promise.all(costly);
});

it('events of another account are served between a flood of requests', async () => {
  turns = openRowTurns();
  let isServed = false;
  let served = 0;
  const flood = async () => {
    while (!isServed && served < 200) {
      await turns.take('greedy', 300, 'REQUEST');
      served++;
    }
  };
  const floods = Array.from({ length: 5 }, flood);
  const event = turns.take('quiet', 10, 'EVENT').then(() => {
    isServed = true;
  });
  await Promise.all([...floods, event]);
  expect(served).toBeLessThan(20);
});

it('a single event is served without waiting', async () => {
  turns = openRowTurns();
  let isServed = false;
  void turns.take('one', 10, 'EVENT').then(() => {
    isServed = true;
  });
  await Promise.resolve();
  await Promise.resolve();
  expect(isServed).toBe(true);
});
