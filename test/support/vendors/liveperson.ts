import { expect } from 'vitest';
import { at, DAY, type Engine, MINUTE, openEngine } from '../engine.ts';

/** The engine of an account with profile LIVEPERSON, at noon of the day most tests play on. */
export const openLivePerson = () => openEngine(at('12:00'), { profile: 'LIVEPERSON' });

/** An instant so many milliseconds later. */
export const later = (instant: Date, ms: number) => new Date(instant.getTime() + ms);

/** A customer wrote and was answered by Ann, now: the customer is awaited. Returns the conversation's id. */
export async function answered(
  engine: Engine,
  address: string,
  when: { skillId?: string } = {},
): Promise<string> {
  await engine.writes(address, when);
  const { conversationId } = await engine.answers(address);
  return conversationId as string;
}

/**
 * Lets time run on to a due instant: until the millisecond before the conversation has to be open, at the instant
 * itself ended by the system, with no lateness.
 */
export async function expectClosesAt(
  engine: Engine,
  address: string,
  due: Date,
  reason: 'AUTO_CLOSE' | 'PROTECTION' = 'AUTO_CLOSE',
): Promise<void> {
  // Days of nothing but wakes that find nothing take long.
  if (due > later(engine.clock.now(), 2 * DAY)) await engine.jumpTo(later(due, -MINUTE));
  await engine.runUntil(later(due, -1));
  const { status, ended_at: endedAt } = await engine.latest(address);
  expect({ status, endedAt }, `${address} before ${due.toISOString()}`).toEqual({
    status: expect.not.stringMatching('ENDED'),
    endedAt: null,
  });
  await engine.runUntil(due);
  expect(await engine.latest(address), `${address} at ${due.toISOString()}`).toMatchObject({
    status: 'ENDED',
    end_reason: reason,
    ended_by: 'SYSTEM',
    ended_at: due,
    lateness_ms: '0',
  });
}
