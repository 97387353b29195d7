import fc from 'fast-check';
import { DAY, HOUR, MINUTE } from '../engine.ts';
import type { Deed } from './liveperson-model.ts';

const SECOND = 1000;

/** What may come to an account with profile LIVEPERSON; instants are whole seconds. */
export type Step =
  | { do: 'DEEDS'; deeds: { customer: string; deed: Deed }[] }
  | { do: 'WAIT'; ms: number }
  /** Part of the way to the next close, in percent, and so much further. */
  | { do: 'WAIT_FOR_CLOSE'; percent: number; furtherMs: number }
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
  among(25 * MINUTE, 25 * MINUTE, 25 * MINUTE, HOUR, 2 * HOUR, DAY, 90 * DAY),
  seconds(1500, 7_776_000),
);
const wait = fc.oneof(
  often(4, seconds(1, 1499)),
  often(2, among(24 * MINUTE, HOUR - SECOND, HOUR, 2 * HOUR)),
  often(1, seconds(3600, 30 * 86_400)),
  often(1, among(90 * DAY)),
);
const waitForClose: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: among('WAIT_FOR_CLOSE'), percent: among(30, 60, 90), furtherMs: among(0) }),
  fc.record({ do: among('WAIT_FOR_CLOSE'), percent: among(100), furtherMs: among(-SECOND, 0, SECOND) }),
);

const deeds = fc.array(fc.record({ customer, deed }), { minLength: 1, maxLength: 3 });
const step: fc.Arbitrary<Step> = fc.oneof(
  often(12, fc.record({ do: among('DEEDS'), deeds })),
  often(5, fc.record({ do: among('WAIT'), ms: wait })),
  often(6, waitForClose),
  often(2, fc.record({ do: among('THRESHOLD'), skill, after: fc.option(after, { freq: 6 }) })),
  often(1, fc.record({ do: among('PROMISES'), exempt: fc.boolean() })),
);

/** A history, which begins with a threshold of the account's. */
export const history: fc.Arbitrary<Step[]> = fc
  .tuple(after, fc.array(step, { minLength: 8, maxLength: 30, size: 'max' }))
  .map(([first, steps]) => [{ do: 'THRESHOLD', skill: null, after: first }, ...steps]);
