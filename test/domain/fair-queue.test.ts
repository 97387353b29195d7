import { expect, it } from 'vitest';
import { openFairQueue } from '../../src/domain/fair-queue.ts';

it('parties take turns, and each one is served in the order of its own', () => {
  const queue = openFairQueue<string>();
  for (const item of ['a1', 'a2', 'a3']) queue.add('a', item);
  queue.add('b', 'b1');
  queue.add('c', 'c1');
  const served = Array.from({ length: 6 }, () => queue.next());
  expect(served).toEqual(['a1', 'b1', 'c1', 'a2', 'a3', null]);
});

it('a party that may not be served is passed by, and keeps its turn', () => {
  const queue = openFairQueue<string>();
  for (const item of ['a1', 'b1', 'b2']) queue.add(item[0] as string, item);
  expect(queue.next((party) => party !== 'a')).toBe('b1');
  expect(queue.next((party) => party === 'c')).toBeNull();
  expect([queue.next(), queue.next()]).toEqual(['a1', 'b2']);
});

it('whoever gives up is not served, and is not counted', () => {
  const queue = openFairQueue<string>();
  for (const item of ['a1', 'a2', 'b1']) queue.add(item[0] as string, item);
  queue.remove('a', 'a1');
  queue.remove('a', 'not there');
  queue.remove('c', 'nobody');
  expect([queue.size(), queue.size('a'), queue.size('c')]).toEqual([2, 1, 0]);
  expect([queue.next(), queue.next(), queue.next(), queue.size()]).toEqual(['a2', 'b1', null, 0]);
});
