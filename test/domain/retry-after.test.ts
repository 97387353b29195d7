import { expect, it } from 'vitest';
import { retryAfterMs } from '../../src/domain/time/retry-after.ts';

const NOW = new Date('2026-01-05T13:02:00Z');

it.each([
  [null, null],
  ['', null],
  ['soon', null],
  ['0', 0],
  ['120', 120_000],
  ['99999999999999999999', 999_999_999_000],
  ['Mon, 05 Jan 2026 13:02:30 GMT', 30_000],
  ['Mon, 05 Jan 2026 12:00:00 GMT', 0],
])('the header Retry-After %j is a delay of %j ms', (header, ms) => {
  expect(retryAfterMs(header, NOW)).toBe(ms);
});
