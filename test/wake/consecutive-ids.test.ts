import { expect, it } from 'vitest';
import { consecutiveIds } from '../../src/wake/consecutive-ids.ts';

it('ids from one are as many as asked for, each the next', () => {
  expect(consecutiveIds('019a1f00-0000-7000-8000-0000000000fe', 3)).toEqual([
    '019a1f00-0000-7000-8000-0000000000fe',
    '019a1f00-0000-7000-8000-0000000000ff',
    '019a1f00-0000-7000-8000-000000000100',
  ]);
  expect(consecutiveIds('019a1f00-0000-7000-8000-0000000000fe', 0)).toEqual([]);
});

it('ids from one go on from the start where its random part is at its end', () => {
  expect(consecutiveIds('019a1f00-0000-7000-8000-ffffffffffff', 2)).toEqual([
    '019a1f00-0000-7000-8000-ffffffffffff',
    '019a1f00-0000-7000-8000-000000000000',
  ]);
});
