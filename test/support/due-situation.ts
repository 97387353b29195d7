import fc from 'fast-check';
import { RESETTING } from '../../src/domain/conversation/activity.ts';
import type { OpenHours } from '../../src/domain/time/calendar.ts';
import { DAY, HOUR, MINUTE } from './engine.ts';

/** Agents and skills by name; instants are milliseconds from the start, durations milliseconds. */
export type Doing = {
  what:
    | { kind: 'INBOUND' | 'OUTBOUND' | 'ASSIGN' | 'TO_QUEUE' | 'RELEASE' | 'INACTIVATE' | 'REOPEN' | 'END' }
    | { kind: 'COMMENT' | 'READER_JOINED' | 'TRANSCRIPT_VIEWED' }
    | { kind: 'SKILL'; skill: 'sales' | 'care' | null }
    | { kind: 'PROMISE'; given: boolean }
    | { kind: 'HOLD'; forMs: number | null };
  gapMs: number;
  ageMs: number;
  thenDrain: boolean;
};
export type Outage = { kind: 'OUTAGE' | 'PAUSE'; fromMs: number; forMs: number | null };
export type Fields = Record<string, unknown>;
export type Situation = {
  startMs: number;
  hours: OpenHours | null;
  outages: Outage[];
  /** `policies`: before what is done, and after it. */
  rounds: { policies: [Fields | null, Fields | null]; doings: Doing[]; how: 'LOOK_BEFORE' | 'BY_ALARM' }[];
};

/** Some days before a change of clocks in one of the zones, and quiet ones. */
const STARTS = [
  '2026-03-06',
  '2026-03-27',
  '2026-04-03',
  '2026-10-02',
  '2026-10-23',
  '2026-10-30',
  '2026-06-15',
];
const ZONES = ['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu'];

const among = <const T>(...values: T[]) => fc.constantFrom(...values);
const often = <T>(weight: number, arbitrary: fc.Arbitrary<T>) => ({ weight, arbitrary });
const within = (min: number, max: number) => fc.integer({ min, max });

const entry = (day: number) =>
  among(
    ['09:00', '17:00'],
    ['00:00', '24:00'],
    ['01:30', '02:30'],
    ['22:00', '24:00'],
    ['00:00', '03:00'],
  ).map(([from, until]) => ({ day, from, until }));
const openHours = (startMs: number): fc.Arbitrary<OpenHours> =>
  fc.record({
    timeZone: fc.constantFrom(...ZONES),
    weekly: fc
      .uniqueArray(within(1, 7), { minLength: 1, maxLength: 7 })
      .chain((days) => fc.tuple(...days.map(entry))),
    holidays: fc
      .array(within(0, 5), { maxLength: 2 })
      .map((days) => days.map((day) => new Date(startMs + day * DAY).toISOString().slice(0, 10))),
  });
const outage: fc.Arbitrary<Outage> = fc.record({
  kind: among('OUTAGE', 'OUTAGE', 'PAUSE'),
  fromMs: within(-DAY, 4 * DAY),
  forMs: fc.option(within(1, 2 * DAY), { freq: 8 }),
});

const threshold = fc.oneof(
  often(3, among(MINUTE, 10 * MINUTE, 2 * HOUR, DAY)),
  often(2, within(MINUTE, 5 * DAY)),
  often(1, within(MINUTE, 90 * DAY)),
);
const duration = (ms: number) => `PT${ms / 1000}S`;
/** A policy with every field, so that what is set does not depend on what was. */
const policy: fc.Arbitrary<Fields> = fc
  .record({
    ...{ autoClose: among(true, true, false), autoCloseAfter: threshold },
    autoCloseStatuses: fc.subarray(['NEW', 'WAITING', 'ACTIVE', 'INACTIVE'], { minLength: 1 }),
    autoCloseAwaiting: among('CONSUMER', 'ANYBODY'),
    autoCloseThen: among('END', 'END', 'HOLD', 'TO_QUEUE'),
    ...{ resetOn: fc.subarray(RESETTING), tagOnClose: among(null, 'quiet') },
    agentMessageWhenInactive: among('REACTIVATE', 'NEW_CONVERSATION'),
    remindBefore: fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { maxLength: 3 }),
    ...{ inactivate: fc.boolean(), inactivateAfter: threshold },
    ...{ endInactive: fc.boolean(), endInactiveAfter: threshold },
    ...{ endUnanswered: fc.boolean(), endUnansweredAfter: threshold },
    ...{
      queueTimeout: fc.boolean(),
      queueTimeoutAfter: threshold,
      queueTimeoutThen: among('END', 'OVERFLOW'),
    },
    exemptManualResponseTime: fc.boolean(),
  })
  .map(({ remindBefore, autoCloseAfter, ...rest }) => {
    const fields = Object.entries({ ...rest, autoCloseAfter }).map(([field, value]) => [
      field,
      typeof value === 'number' ? duration(value) : value,
    ]);
    const before = remindBefore.map((part) => MINUTE + Math.floor(part * (autoCloseAfter - MINUTE)));
    const remind = before.filter((ms) => ms < autoCloseAfter).map(duration);
    return { ...Object.fromEntries(fields), remindBefore: remind };
  });

/** A policy with every timer off. */
export const OFF: Fields = {
  ...{ autoClose: false, inactivate: false, endInactive: false },
  ...{ endUnanswered: false, queueTimeout: false },
};

const gapMs = fc.oneof(often(2, among(0, 1, 5000)), often(3, within(0, 2 * HOUR)));
const ageMs = fc.oneof(
  often(4, among(0)),
  often(2, among(1, 9_999, 10_001, 45_000)),
  often(1, within(0, 10 * MINUTE)),
);
const thenDrain = fc.boolean();
const doing: fc.Arbitrary<Doing> = fc.record({
  what: fc.oneof(
    often(4, fc.record({ kind: among('INBOUND') })),
    often(6, fc.record({ kind: among('OUTBOUND') })),
    often(3, fc.record({ kind: among('ASSIGN', 'TO_QUEUE', 'RELEASE', 'INACTIVATE', 'REOPEN', 'END') })),
    often(2, fc.record({ kind: among('COMMENT', 'READER_JOINED', 'TRANSCRIPT_VIEWED') })),
    often(1, fc.record({ kind: among('SKILL'), skill: among('sales', 'care', null) })),
    often(1, fc.record({ kind: among('PROMISE'), given: fc.boolean() })),
    often(2, fc.record({ kind: among('HOLD'), forMs: fc.option(within(1, 2 * DAY), { freq: 3 }) })),
  ),
  ...{ gapMs, ageMs, thenDrain },
});
const doings = fc
  .tuple(
    fc.record({ what: fc.record({ kind: among('INBOUND', 'OUTBOUND') }), gapMs, ageMs, thenDrain }),
    fc.array(doing, { maxLength: 4, size: 'max' }),
    fc.array(fc.record({ what: fc.record({ kind: among('OUTBOUND') }), gapMs, ageMs, thenDrain }), {
      maxLength: 1,
    }),
  )
  .map(([first, others, last]) => [first, ...others, ...last]);

/** Hours, outages, policies and histories, and how to look at what comes of them. */
export const dueSituation: fc.Arbitrary<Situation> = fc
  .constantFrom(...STARTS.map(Date.parse))
  .chain((startMs) =>
    fc.record({
      startMs: fc.constant(startMs),
      hours: fc.option(openHours(startMs), { freq: 3 }),
      outages: fc.array(outage, { maxLength: 2 }),
      rounds: fc.array(
        fc.record({
          policies: fc.tuple(fc.option(policy, { freq: 2 }), fc.option(policy, { freq: 1 })),
          doings,
          how: among('LOOK_BEFORE', 'BY_ALARM'),
        }),
        { minLength: 1, maxLength: 5, size: 'max' },
      ),
    }),
  );
