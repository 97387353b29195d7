import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LULL } from '../../src/domain/policy/profiles.ts';
import { fromMilliseconds, parseDuration } from '../../src/domain/time/duration.ts';
import { type ReplayResult, replay } from '../../src/insight/replay/replay.ts';
import { countGaps, replayReport } from '../../src/insight/replay/replay-report.ts';
import { parseTimeline, readTimeline, type TimelineRow } from '../../src/insight/replay/timeline.ts';
import { modelReplay } from './replay-model.ts';

const SAMPLE = new URL('../../examples/support-timeline.csv', import.meta.url).pathname;

const settings = (after: string, reopenWithin = 'P4D') => ({
  profile: LULL,
  after: parseDuration(after, 'after'),
  reopenWithin: parseDuration(reopenWithin, 'reopenWithin'),
});

/** Rows of one contact: `agent 0` is an agent's message at minute 0. */
function contact(...lines: string[]): TimelineRow[] {
  return lines.map((each, index) => {
    const [from, minute] = each.split(' ') as ['consumer' | 'agent', string];
    const at = new Date(Date.UTC(2026, 2, 1) + Number(minute) * 60_000);
    return { line: index + 2, conversation: 'c', at, from, agent: null, skill: null };
  });
}

const DAY = 24 * 60;

describe('LL-12 a replay of the sample timeline', () => {
  it.each([
    ['PT25M', 811, 927, 4, 121, 241, 241],
    ['PT2H', 807, 825, 4, 121, 143, 143],
    ['PT24H', 803, 706, 4, 121, 28, 28],
    ['P7D', 795, 672, 4, 121, 2, 2],
    ['P90D', 789, 664, 4, 121, 0, 0],
  ])(
    'after %s gives %i conversations',
    async (after, conversations, close, unanswered, protection, reopened, premature) => {
      expect(replay(await readTimeline(SAMPLE), settings(after))).toStrictEqual({
        messages: 3112,
        contacts: 785,
        conversations,
        ended: { AUTO_CLOSE: close, UNANSWERED: unanswered, PROTECTION: protection },
        reopened,
        premature,
      });
    },
  );
});

describe('LL-12 a replay', () => {
  const cases: [string, string[], Partial<ReplayResult>][] = [
    ['of nothing counts nothing', [], { messages: 0, contacts: 0, conversations: 0 }],
    [
      'closes after the last row of either side',
      ['consumer 0', 'agent 1', 'agent 50', 'agent 100'],
      { ended: ends(1) },
    ],
    [
      'lets a row at the due instant win',
      ['consumer 0', 'agent 1', 'consumer 61'],
      { ended: ends(0, 0, 1), reopened: 0 },
    ],
    [
      'reopens up to the end of the window',
      ['consumer 0', 'agent 1', `consumer ${61 + 4 * DAY}`],
      { conversations: 1, ended: ends(1, 0, 1), reopened: 1, premature: 1 },
    ],
    [
      'starts anew after the window',
      ['consumer 0', 'agent 1', `consumer ${62 + 4 * DAY}`],
      { conversations: 2, ended: ends(1, 0, 1), reopened: 0, premature: 0 },
    ],
    [
      'makes an end final by a new conversation, whoever began it',
      ['consumer 0', 'agent 1', 'agent 100', `consumer ${100 + 3 * DAY}`],
      { conversations: 2, ended: ends(1, 1, 1), reopened: 1, premature: 1 },
    ],
    [
      'ends what was not answered 48 h after its first row',
      ['agent 0', `agent ${2 * DAY - 1}`, `consumer ${2 * DAY + 1}`],
      { conversations: 1, ended: ends(0, 1, 1), premature: 1 },
    ],
    [
      'does not close what waits for the agent',
      ['agent 0', 'consumer 10'],
      { conversations: 1, ended: ends(0, 0, 1) },
    ],
    [
      'takes rows of one instant as they stand',
      ['agent 0', 'consumer 0', 'agent 0'],
      { conversations: 1, ended: ends(1) },
    ],
    [
      'counts a conversation that was reopened twice',
      ['consumer 0', 'agent 1', 'consumer 100', 'agent 101', 'consumer 200'],
      { conversations: 1, ended: ends(2, 0, 1), reopened: 2, premature: 2 },
    ],
  ];
  it.each(cases)('%s', (_, lines, expected) => {
    expect(replay(contact(...lines), settings('PT1H'))).toMatchObject(expected);
  });

  it('records AUTO_CLOSE if the protection is due at the same instant', () => {
    expect(replay(contact('consumer 0', 'agent 0'), settings('P90D')).ended).toEqual(ends(1));
  });

  it('reopens nothing with a window of zero', () => {
    const rows = contact('consumer 0', 'agent 0', 'consumer 2');
    expect(replay(rows, settings('PT1M', 'PT0S'))).toMatchObject({ conversations: 2, reopened: 0 });
  });

  it('agrees with the model on any timeline, especially around due instants', () => {
    fc.assert(
      fc.property(timelines, ({ rows, afterMs, windowMs }) => {
        const given = {
          profile: LULL,
          after: fromMilliseconds(afterMs),
          reopenWithin: fromMilliseconds(windowMs),
        };
        expect(replay(rows, given)).toStrictEqual(modelReplay(rows, afterMs, windowMs));
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('LL-12 the report of a replay', () => {
  const report = async (rows: TimelineRow[]) =>
    replayReport(settings('PT2H'), replay(rows, settings('PT2H')), countGaps(rows), (text) => text);

  it('contains settings, counts, rates and gaps', async () => {
    const text = await report(await readTimeline(SAMPLE));
    expect(text).toMatch(/closes after +2 h \(PT2H\)/);
    expect(text).toMatch(/reopens within +4 days \(P4D\)/);
    expect(text).toMatch(/messages +3,112/);
    expect(text).toMatch(/AUTO_CLOSE +825 +86\.8 %/);
    expect(text).toMatch(/premature +143 +15\.1 % {2}of the automatic ends/);
    expect(text).toMatch(/1 - 5 min +544 +23\.4 % {2}█+/);
  });

  it('fits 80 columns with counts of millions', async () => {
    const rows = await readTimeline(SAMPLE);
    const result = replay(rows, settings('PT2H'));
    const huge = {
      ...result,
      messages: 123_456_789,
      ended: { AUTO_CLOSE: 123_456_789, UNANSWERED: 0, PROTECTION: 0 },
    };
    const gaps = countGaps(rows).map((gap) => ({ ...gap, count: gap.count * 50_000 }));
    const given = settings('P89DT23H59M59.999S', 'P29DT23H59M59.999S');
    const lines = replayReport(given, huge, gaps, (text) => text).split('\n');
    expect(Math.max(...lines.map((each) => each.length))).toBeLessThanOrEqual(80);
  });

  it('shows no rates for an empty timeline', async () => {
    expect(await report([])).not.toMatch(/NaN|Infinity|%/);
  });

  it('counts a gap of exactly a limit in the step that starts there', () => {
    const at = (seconds: number) => new Date(seconds * 1000).toISOString();
    const rows = [0, 59, 119, 419, 2_592_419].map((seconds) => `a,${at(seconds)},consumer,,`);
    const timeline = parseTimeline(
      ['conversation,at,from,agent,skill', ...rows, `b,${at(0)},agent,,`].join('\n'),
    );
    const counts = countGaps(timeline).filter(({ count }) => count > 0);
    expect(counts).toEqual([
      { label: 'under 1 min', count: 1 },
      { label: '1 - 5 min', count: 1 },
      { label: '5 - 15 min', count: 1 },
      { label: '30 days and over', count: 1 },
    ]);
  });
});

function ends(AUTO_CLOSE: number, UNANSWERED = 0, PROTECTION = 0): ReplayResult['ended'] {
  return { AUTO_CLOSE, UNANSWERED, PROTECTION };
}

const MINUTE_MS = 60_000;
const DAY_MS = DAY * MINUTE_MS;
const durationMs = (minMs: number, maxMs: number, ...often: number[]) =>
  fc.oneof(fc.constantFrom(minMs, maxMs, ...often), fc.integer({ min: minMs, max: maxMs }));

/** Rows of up to three contacts. Each is at an instant at which a rule changes its answer, or a millisecond beside it. */
const timelines = fc
  .record({
    afterMs: durationMs(MINUTE_MS, 90 * DAY_MS, 25 * MINUTE_MS, DAY_MS, 2 * DAY_MS, 2 * DAY_MS + 1),
    windowMs: durationMs(0, 30 * DAY_MS, 1, 4 * DAY_MS),
    steps: fc.array(
      fc.record({
        contact: fc.nat(2),
        from: fc.constantFrom('consumer' as const, 'agent' as const),
        since: fc.nat(3),
        term: fc.constantFrom('AFTER', 'UNANSWERED', 'PROTECTION', 'NONE'),
        window: fc.boolean(),
        besideMs: fc.oneof(fc.constantFrom(0, 0, -1, 1), fc.nat(DAY_MS)),
        name: fc.constantFrom(null, 'Ann', 'Ben'),
      }),
      { maxLength: 40 },
    ),
  })
  .map(({ afterMs, windowMs, steps }) => {
    const terms = { AFTER: afterMs, UNANSWERED: 2 * DAY_MS, PROTECTION: 90 * DAY_MS, NONE: 0 };
    const times: number[][] = [[], [], []];
    const rows = steps.map(({ contact, from, since, term, window, besideMs, name }, index): TimelineRow => {
      const own = times[contact] as number[];
      const lastMs = own.at(-1) ?? Date.UTC(2026, 0, 1);
      const sinceMs = own.at(-1 - since) ?? lastMs;
      const atMs = Math.max(lastMs, sinceMs + terms[term] + (window ? windowMs : 0) + besideMs);
      own.push(atMs);
      return {
        line: index + 2,
        conversation: `c${contact}`,
        at: new Date(atMs),
        from,
        agent: name,
        skill: name,
      };
    });
    return { rows, afterMs, windowMs };
  });
