import { expect } from 'vitest';
import { fromMilliseconds } from '../../src/domain/time/duration.ts';
import type { State } from './model-acts.ts';
import type { LayerChange } from './model-policy.ts';

/** A row of the database, as it comes. */
// biome-ignore lint/suspicious/noExplicitAny: raw rows have no types
export type Row = Record<string, any>;

/** A stored conversation in the model's terms. */
export function stateOf(row: Row): State {
  const ms = (instant: Date | null) => (instant === null ? null : instant.getTime());
  return {
    status: row.status,
    awaiting: row.awaiting,
    agentId: row.agent_id,
    skillId: row.skill_id,
    held: row.held,
    heldUntil: ms(row.held_until),
    promised: row.manual_response_at !== null,
    lastActivityAt: row.last_activity_at.getTime(),
    awaitingSince: ms(row.awaiting_since),
    statusSince: row.status_since.getTime(),
    newestAt: row.newest_at.getTime(),
    placedAt: row.placed_at.getTime(),
    end: row.ended_at && {
      at: row.ended_at.getTime(),
      reason: row.end_reason,
      former: row.former_status,
      latenessMs: row.lateness_ms === null ? null : Number(row.lateness_ms),
    },
  };
}

/** The feed is whole, tells of each end and each return once, and its last line agrees with the conversation. */
export function checkFeed(row: Row, feed: readonly Row[], length: number): void {
  expect(feed.map(({ revision }) => revision)).toEqual(Array.from({ length }, (_, index) => index + 1));
  expect(row.revision).toBe(length);
  expect(feed.at(-1)).toMatchObject({ status: row.status, awaiting: row.awaiting });
  expect(feed.filter(({ kind }) => kind === 'SET_ASIDE')).toEqual([]);
  let isOpen = false;
  for (const { effect, status } of feed) {
    const wasOpen = isOpen;
    isOpen = status !== 'ENDED';
    const expected = wasOpen
      ? isOpen
        ? [null]
        : ['ENDED']
      : isOpen
        ? ['STARTED', 'REOPENED', 'REVOKED']
        : [null];
    expect(expected).toContain(effect);
  }
  const ends = feed.filter(({ effect }) => effect === 'ENDED').length;
  const returns = feed.filter(({ effect }) => effect === 'REOPENED' || effect === 'REVOKED').length;
  expect(ends - returns).toBe(row.status === 'ENDED' ? 1 : 0);
}

/** An open conversation is in the lane of its facts; an ended one in none. */
export function checkLane(row: Row): void {
  expect(row.lane_id === null).toBe(row.status === 'ENDED');
  if (row.lane_id === null) return;
  expect(row.lane).toMatchObject({
    channel_id: row.channel_id,
    skill_id: row.skill_id,
    status: row.status,
    awaiting: row.awaiting,
    case_status: row.case_status,
    held: row.held,
    manual_response_time: row.manual_response_at !== null,
    exempt: false,
    stage: row.stage,
    overflowed: row.overflowed,
  });
}

/** A change of a layer, as the API takes it. */
export function fieldsOf(change: LayerChange): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(change).map(([field, value]) =>
      typeof value === 'number'
        ? [field.replace(/Ms$/, ''), fromMilliseconds(value)]
        : [field.replace(/Ms$/, ''), value],
    ),
  );
}
