import { expect, it } from 'vitest';
import { consecutiveIds } from '../../src/wake/consecutive-ids.ts';

it('`consecutiveIds` returns the requested number of ids, each one greater than the last', () => {
  expect(consecutiveIds('019a1f00-0000-7000-8000-0000000000fe', 3)).toEqual([
    '019a1f00-0000-7000-8000-0000000000fe',
    '019a1f00-0000-7000-8000-0000000000ff',
    '019a1f00-0000-7000-8000-000000000100',
  ]);
  expect(consecutiveIds('019a1f00-0000-7000-8000-0000000000fe', 0)).toEqual([]);
});

it('`consecutiveIds` wraps around when the random part is at its maximum', () => {
  expect(consecutiveIds('019a1f00-0000-7000-8000-ffffffffffff', 2)).toEqual([
    '019a1f00-0000-7000-8000-ffffffffffff',
    '019a1f00-0000-7000-8000-000000000000',
  ]);
});
