import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Destination } from '../../src/db/rows/outbox-claims.ts';
import type { Health } from '../../src/delivery/effect-result.ts';
import { openPlaces, PLACE_LIMITS, type Place, type SendPlaces } from '../../src/delivery/send-places.ts';
import { openTurns } from '../../src/delivery/send-turns.ts';

const ANSWERED: Health = { kind: 'ANSWERED' };
const FAILED: Health = { kind: 'FAILED', why: 'no answer' };
const to = (accountId: string, destinationId = `channel of ${accountId}`): Destination => ({
  accountId,
  destinationId,
});

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Takes all places that a destination gets. */
function takeAll(places: SendPlaces, destination: Destination): Place[] {
  const taken: Place[] = [];
  for (let place = places.take(destination); place !== null; place = places.take(destination))
    taken.push(place);
  return taken;
}
/** A destination answers this many sends, one after the other. */
function answers(places: SendPlaces, destination: Destination, times: number): void {
  for (let time = 0; time < times; time++) places.take(destination)?.leave(ANSWERED);
}

describe('the places of a destination', () => {
  it('start at one, double with each answer up to 16, and return to one after a failure', () => {
    const places = openPlaces();
    const numbers: number[] = [];
    for (let round = 0; round < 6; round++) {
      const [first, ...rest] = takeAll(places, to('a'));
      numbers.push(rest.length + 1);
      for (const place of rest) place.leave();
      first?.leave(ANSWERED);
    }
    expect(numbers).toEqual([1, 2, 4, 8, 16, 16]);
    places.take(to('a'))?.leave(FAILED);
    expect(takeAll(places, to('a'))).toHaveLength(1);
  });

  it('are halved after a rate limit or a late answer', async () => {
    const places = openPlaces({ ...PLACE_LIMITS, stalledMs: 10, slowMs: 20 });
    answers(places, to('a'), 4);
    places.take(to('a'))?.leave({ kind: 'BUSY', forMs: null });
    const taken = takeAll(places, to('a'));
    expect(taken).toHaveLength(8);
    await vi.advanceTimersByTimeAsync(100);
    taken[0]?.leave(ANSWERED);
    for (const place of taken) place.leave();
    expect(takeAll(places, to('a'))).toHaveLength(4);
  });

  it('are 4 for an account’s own work', () => {
    expect(takeAll(openPlaces(), to('a', 'a'))).toHaveLength(4);
  });
});

describe('while other destinations hang', () => {
  const limits = { ...PLACE_LIMITS, stalledMs: 5 };
  /** Makes this many accounts hang, each with a provider that does not answer. */
  async function hang(places: SendPlaces, accounts: number): Promise<void> {
    for (let first = 0; first < accounts; first += 25) {
      for (let account = first; account < first + 25; account++) takeAll(places, to(`hangs ${account}`));
      await vi.advanceTimersByTimeAsync(30);
    }
  }

  it('a destination that answered lately gets its places', async () => {
    const places = openPlaces(limits);
    answers(places, to('good'), 4);
    await hang(places, 500);
    expect(places.load()).toEqual({ sending: 400, stalled: 400 });
    expect(places.take(to('never seen'))).toBeNull();
    expect(takeAll(places, to('good'))).toHaveLength(16);
  });

  it('a destination whose sends have stalled counts as unproven, even if it answered before', async () => {
    const places = openPlaces(limits);
    for (let account = 0; account < 40; account++) answers(places, to(`hangs ${account}`), 4);
    answers(places, to('good'), 4);
    for (let round = 0; round < 20; round++) await hang(places, 25);
    expect(takeAll(places, to('good'))).toHaveLength(16);
  });

  it('an account with many hanging providers has places left for one that works', async () => {
    const places = openPlaces(limits);
    answers(places, to('a', 'good'), 4);
    for (let round = 0; round < 5; round++) {
      for (let index = 0; index < 100; index++) takeAll(places, to('a', `hangs ${index}`));
      await vi.advanceTimersByTimeAsync(30);
    }
    expect(places.load().sending).toBe(40);
    expect(takeAll(places, to('a', 'good'))).toHaveLength(16);
    expect(takeAll(places, to('b'))).toHaveLength(1);
  });

  it('a place that is freed twice counts once', () => {
    const places = openPlaces();
    const place = places.take(to('a'));
    place?.leave();
    place?.leave();
    expect(places.load().sending).toBe(0);
  });
});

describe('turns', () => {
  it('rotate by account, and within an account by destination', () => {
    const turns = openTurns();
    const places = openPlaces({ ...PLACE_LIMITS, prompt: 6 });
    for (let index = 0; index < 50; index++) turns.add(to('many', `of many ${index}`));
    turns.add(to('one'));
    turns.add(to('two'));
    const picked = turns.pick(places, () => true);
    expect(picked.map(({ accountId }) => accountId).filter((id) => id !== 'many')).toEqual(['one', 'two']);
    expect(picked).toHaveLength(6);
    for (const { taken } of picked) for (const place of taken) place.leave();
    // Destinations that have had a turn come last.
    const next = turns.pick(places, () => true).map(({ destinationId }) => destinationId);
    const had = picked.map(({ destinationId }) => destinationId).filter((id) => id.startsWith('of many'));
    expect(next.filter((id) => had.includes(id))).toEqual([]);
  });

  it('are kept by a destination that is not allowed now, and lost by one that is removed', () => {
    const turns = openTurns();
    const places = openPlaces();
    turns.add(to('a'));
    expect(turns.pick(places, () => false)).toEqual([]);
    const [pick] = turns.pick(places, () => true);
    expect(pick).toMatchObject({ ...to('a'), places: 1 });
    pick?.taken[0]?.leave();
    turns.remove(to('a'));
    expect(turns.pick(places, () => true)).toEqual([]);
  });
});
