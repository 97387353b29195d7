import fc from 'fast-check';
import { DAY, HOUR, MINUTE } from '../engine.ts';
import type { Deed } from './liveperson-model.ts';

const SECOND = 1000;

/** What may come to an account with profile LIVEPERSON; instants are whole seconds. */
export type Step =
  | { do: 'DEEDS'; deeds: { customer: string; deed: Deed }[] }
  | { do: 'WAIT'; ms: number }
  /** To the next close, or the second before or after it. */
  | { do: 'WAIT_FOR_CLOSE'; offsetMs: number }
  | { do: 'THRESHOLD'; skill: string | null; after: number | null }
  | { do: 'PROMISES'; exempt: boolean };

const among = <const T>(...values: T[]) => fc.constantFrom(...values);
const often = <T>(weight: number, arbitrary: fc.Arbitrary<T>) => ({ weight, arbitrary });
const seconds = (min: number, max: number) => fc.integer({ min, max }).map((count) => count * SECOND);

const skill = fc.option(among('sales', 'care'), { freq: 2 });
const agent = among('ann', 'bob');
const deed: fc.Arbitrary<Deed> = fc.oneof(
  often(6, fc.record({ by: among('CONSUMER'), skill })),
  often(8, fc.record({ by: among('AGENT'), agent, skill })),
  often(1, fc.record({ by: among('BOT'), skill })),
  often(3, fc.record({ meta: among('READER', 'CASE_STATUS', 'TAG') })),
  often(2, fc.record({ meta: among('TO_QUEUE') })),
  often(1, fc.record({ meta: among('EXEMPT'), on: fc.boolean() })),
  often(2, fc.record({ meta: among('PROMISE'), on: among(true, true, false) })),
  often(1, fc.record({ meta: among('ASSIGN'), agent })),
  often(2, fc.record({ meta: among('SKILL'), skill })),
  often(2, fc.record({ looks: among('TRANSCRIPT', 'COMMENT') })),
  often(1, fc.record({ ends: among('AGENT', 'CUSTOMER', 'SUPERVISOR') })),
);
const customer = among('cleo', 'dan', 'eve');
/** Allowed are 25 minutes to 90 days (LP-5). */
const after = fc.oneof(
  among(25 * MINUTE, 25 * MINUTE, HOUR, 2 * HOUR, DAY, 90 * DAY),
  seconds(1500, 7_776_000),
);
const wait = fc.oneof(
  seconds(1, 60),
  among(24 * MINUTE, HOUR - SECOND, HOUR, 2 * HOUR, DAY),
  seconds(60, 7200),
  seconds(3600, 95 * 86_400),
);

const step: fc.Arbitrary<Step> = fc.oneof(
  often(
    10,
    fc.record({
      do: among('DEEDS'),
      deeds: fc.array(fc.record({ customer, deed }), { minLength: 1, maxLength: 4 }),
    }),
  ),
  often(4, fc.record({ do: among('WAIT'), ms: wait })),
  often(6, fc.record({ do: among('WAIT_FOR_CLOSE'), offsetMs: among(-SECOND, 0, 0, SECOND) })),
  often(2, fc.record({ do: among('THRESHOLD'), skill, after: fc.option(after, { freq: 6 }) })),
  often(1, fc.record({ do: among('PROMISES'), exempt: fc.boolean() })),
);

/** A history, which begins with a threshold of the account's. */
export const history: fc.Arbitrary<Step[]> = fc
  .tuple(after, fc.array(step, { minLength: 8, maxLength: 30, size: 'max' }))
  .map(([first, steps]) => [{ do: 'THRESHOLD', skill: null, after: first }, ...steps]);
