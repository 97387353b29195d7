import type { Guard, GuardName } from '../../domain/time/timers.ts';

/** The fact that each guard checks, and whether the guard passes if the fact is true. */
const FACTS: Readonly<Record<GuardName, readonly [fact: string, passesIfTrue: boolean]>> = {
  CHANNEL_HAS_IT: ['channel has the timer', true],
  SWITCHED_ON: ['switched on', true],
  HELD: ['held', true],
  NOT_HELD: ['held', false],
  NOT_EXEMPT: ['exempt tag', false],
  STATUS_MATCHES: ['status matches', true],
  AWAITED_MATCHES: ['awaited side matches', true],
  CASE_STATUS_MATCHES: ['case status matches', true],
  CAN_REQUEUE: ['already in the queue', false],
  NO_MANUAL_RESPONSE: ['manual response time', false],
  REMINDER_IS_LEFT: ['reminder left', true],
  CAN_OVERFLOW: ['can overflow', true],
  NOT_PAUSED: ['paused', false],
  NOT_SET_ASIDE: ['set aside', false],
  CLOCK_IS_SET: ['clock set', true],
  SINCE_ENABLED: ['clock from before it was switched on', false],
  TIME_RUNS: ['time stopped', false],
};

/** The fact behind a guard, the right way round: `held: no`. */
export function factOf({ name, passes }: Guard): string {
  const [fact, passesIfTrue] = FACTS[name];
  return `${fact}: ${passes === passesIfTrue ? 'yes' : 'no'}`;
}
