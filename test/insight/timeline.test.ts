import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { MalformedFileError, SetupError } from '../../src/domain/errors.ts';
import { parseTimeline, readTimeline } from '../../src/insight/replay/timeline.ts';

const HEADER = 'conversation,at,from,agent,skill';
const ROW = 'c1,2026-03-01T09:30:00Z,agent,Ann,Sales';

/** Where and why a timeline is refused. */
function refusalOf(content: string | Buffer): { line: number; column: string; message: string } {
  try {
    parseTimeline(content);
  } catch (error) {
    expect(error).toBeInstanceOf(MalformedFileError);
    const { line, column, message } = error as MalformedFileError;
    expect(message).not.toContain('\n');
    return { line, column, message };
  }
  throw new Error('it was not refused');
}

const withRows = (...rows: string[]) => `${[HEADER, ...rows].join('\n')}\n`;
const withAt = (at: string) => withRows(`c1,${at},consumer,,`);

describe('LL-12 a timeline is read', () => {
  it('row by row, in the order of the file', () => {
    expect(parseTimeline(withRows(ROW, 'c2,2026-03-01T09:00:00Z,consumer,,Care'))).toEqual([
      {
        line: 2,
        conversation: 'c1',
        at: new Date('2026-03-01T09:30:00Z'),
        from: 'agent',
        agent: 'Ann',
        skill: 'Sales',
      },
      {
        line: 3,
        conversation: 'c2',
        at: new Date('2026-03-01T09:00:00Z'),
        from: 'consumer',
        agent: null,
        skill: 'Care',
      },
    ]);
  });

  it('with its columns in any order, ignoring other columns', () => {
    const [row] = parseTimeline(
      'skill,note,from,at,agent,conversation\nS,"x, y",agent,2026-03-01T09:30Z,A,c\n',
    );
    expect(row).toMatchObject({ conversation: 'c', from: 'agent', agent: 'A', skill: 'S' });
  });

  it.each([
    ['a byte order mark', `\uFEFF${withRows(ROW)}`],
    ['a byte order mark before a quote', `\uFEFF"conversation",at,from,agent,skill\n${ROW}\n`],
    ['CRLF', `${HEADER}\r\n${ROW}\r\n`],
    ['CR alone', `${HEADER}\r${ROW}\r`],
    ['line ends of several kinds', `${HEADER}\r\n${ROW}\n`],
    ['no line end after the last row', `${HEADER}\n${ROW}`],
    ['blank lines after the last row', `${withRows(ROW)}\n\r\n\n`],
    ['every field quoted', withRows('"c1","2026-03-01T09:30:00Z","agent","Ann","Sales"')],
  ])('with %s', (_, content) => {
    expect(parseTimeline(content)).toEqual(parseTimeline(withRows(ROW)));
  });

  it('with quoted commas, quotes and letters of all scripts', () => {
    const [row] = parseTimeline(withRows('"c, ""1""",2026-03-01T09:30:00Z,agent,"Zoë, 東","\uFFFD"'));
    expect(row).toMatchObject({ conversation: 'c, "1"', agent: 'Zoë, 東', skill: '\uFFFD' });
  });

  it('with only a header', () => {
    expect(parseTimeline(HEADER)).toEqual([]);
  });

  it.each([
    ['2026-03-01T09:30:00Z', '2026-03-01T09:30:00.000Z'],
    ['2026-03-01T09:30:00.5Z', '2026-03-01T09:30:00.500Z'],
    ['2026-03-01T09:30:00.1239Z', '2026-03-01T09:30:00.123Z'],
    ['2026-03-01T09:30Z', '2026-03-01T09:30:00.000Z'],
    ['2026-03-01T00:30:00+05:30', '2026-02-28T19:00:00.000Z'],
    ['2026-03-01T23:30:00-0800', '2026-03-02T07:30:00.000Z'],
    ['2026-03-01T12:00:00+02', '2026-03-01T10:00:00.000Z'],
    ['2024-02-29T12:00:00Z', '2024-02-29T12:00:00.000Z'],
  ])('at %s as %s', (at, instant) => {
    expect(parseTimeline(withAt(at))[0]?.at.toISOString()).toBe(instant);
  });

  it('with rows of other conversations in between, in any time order', () => {
    const rows = parseTimeline(
      withRows(
        'a,2026-03-02T00:00:00Z,consumer,,',
        'b,2026-03-01T00:00:00Z,consumer,,',
        'a,2026-03-02T00:00:00Z,agent,,',
        'b,2026-03-01T00:00:01Z,agent,,',
      ),
    );
    expect(rows.map(({ conversation }) => conversation).join('')).toBe('abab');
  });

  it('with reports of progress if it is long', () => {
    const told: [number, number][] = [];
    const content = withRows(...Array<string>(100_000).fill(ROW));
    parseTimeline(content, (done, total) => told.push([done, total]));
    expect(told).toHaveLength(2);
    expect(told[1]).toEqual([content.length, content.length]);
  });
});

describe('LL-12 a malformed timeline is refused, naming line and column:', () => {
  it.each(['conversation', 'at', 'from', 'agent', 'skill'])('no column %s', (column) => {
    const names = HEADER.split(',').filter((name) => name !== column);
    expect(refusalOf(`${names.join(',')}\n`)).toMatchObject({ line: 1, column });
  });

  it.each([
    ['an empty file', ''],
    ['a file of blank lines', '\n\n'],
    ['a header that is not on line 1', `\n${HEADER}\n`],
    ['a header in another case', HEADER.toUpperCase()],
    ['no header', ROW],
    ['a column that is there twice', 'conversation,conversation,at,from,agent,skill\n'],
    ['UTF-16', Buffer.from(`\uFEFF${HEADER}\n`, 'utf16le')],
  ])('%s', (_, content) => {
    expect(refusalOf(content).line).toBe(1);
  });

  it.each([
    '',
    'yesterday',
    '2026-03-01',
    '2026-03-01T09:30:00',
    '2026-03-01 09:30:00Z',
    '2026-02-30T09:30:00Z',
    '2025-02-29T09:30:00Z',
    '2026-13-01T09:30:00Z',
    '2026-00-10T09:30:00Z',
    '2026-03-01T24:00:00Z',
    '2026-03-01T09:60:00Z',
    '2026-03-01T09:30:60Z',
    '2026-03-01T09:30:00+24:00',
    '2026-03-01T09:30:00+02:60',
    '0000-03-01T09:30:00Z',
    '1772357400',
    '2026-03-01T09:30:00Z ',
  ])('at "%s"', (at) => {
    expect(refusalOf(withRows(ROW, `c2,${at},consumer,,`))).toMatchObject({ line: 3, column: 'at' });
  });

  it.each(['', 'bot', 'Consumer', ' agent'])('from "%s"', (from) => {
    expect(refusalOf(withRows(`c1,2026-03-01T09:30:00Z,${from},,`))).toMatchObject({
      line: 2,
      column: 'from',
    });
  });

  it.each(['', ' '])('conversation "%s"', (conversation) => {
    expect(refusalOf(withRows(ROW, `${conversation},2026-03-01T09:30:00Z,agent,,`))).toMatchObject({
      line: 3,
      column: 'conversation',
    });
  });

  it('a row earlier than the one before it in its conversation, by a millisecond', () => {
    const rows = [
      'a,2026-03-01T09:30:00.001Z,consumer,,',
      'b,2026-03-01T09:00:00Z,agent,,',
      'a,2026-03-01T10:30:00.000+01:00,agent,,',
    ];
    expect(refusalOf(withRows(...rows))).toMatchObject({ line: 4, column: 'at' });
  });

  it.each([
    ['too few fields', 'c1,2026-03-01T09:30:00Z,agent', 'agent'],
    ['too many fields', 'c1,2026-03-01T09:30:00Z,agent,,,', '6'],
    ['a quote that is never closed', 'c1,2026-03-01T09:30:00Z,agent,"Ann,Sales\nc1', 'agent'],
    ['something after a closing quote', 'c1,2026-03-01T09:30:00Z,agent,Ann,"Sal"es', 'skill'],
    ['a quote within a field', 'c1,2026-03-01T09:30:00Z,agent,Ann "the" Fox,Sales', 'agent'],
  ])('%s', (_, row, column) => {
    expect(refusalOf(withRows(ROW, row))).toMatchObject({ line: 3, column });
  });

  it('malformed UTF-8 in any field', () => {
    const row = Buffer.concat([
      Buffer.from('c2,2026-03-01T09:30:00Z,agent,Zo'),
      Buffer.from([0xeb]),
      Buffer.from(',é'),
    ]);
    const content = Buffer.concat([Buffer.from(withRows('é,2026-03-01T09:30:00Z,agent,\uFFFD,')), row]);
    expect(refusalOf(content)).toMatchObject({ line: 3, column: 'agent' });
  });

  it('a million characters on one line', () => {
    expect(refusalOf(withRows(ROW, `"${'x'.repeat(1_000_001)}`))).toMatchObject({
      line: 3,
      column: 'conversation',
    });
  });

  it.each([
    ['a quoted line break', `${ROW},"of a column\nthat nobody reads"\n`],
    ['a quoted CRLF', `${ROW},"of a column\r\nthat nobody reads"\r\n`],
    ['a blank line', `${ROW},\n\n`],
  ])('counting lines as an editor does, after %s', (_, before) => {
    const content = `${HEADER},note\n${before}c2,never,agent,,,\n`;
    expect(refusalOf(content)).toMatchObject({ line: 4, column: 'at' });
  });

  it.each(['Ann\nFox', 'Ann\u0007Fox', 'Ann\u202EFox'])('an agent called %j', (agent) => {
    expect(refusalOf(withRows(ROW, `c1,2026-03-01T09:30:00Z,agent,"${agent}",Sales`))).toMatchObject({
      line: 3,
      column: 'agent',
    });
  });

  it('quoting a value on one line, and not the whole of a long one', () => {
    const { message } = refusalOf(withAt(`"${'\n'.repeat(3)}${'x'.repeat(500)}"`));
    expect(message).toContain(String.raw`\n\n\nxxx`);
    expect(message.length).toBeLessThan(250);
  });
});

describe('LL-12 a timeline file on disk', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lull-timeline-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is read if it exists', async () => {
    writeFileSync(join(folder, 'timeline.csv'), withRows(ROW));
    expect(await readTimeline(join(folder, 'timeline.csv'))).toEqual(parseTimeline(withRows(ROW)));
  });

  it.each([
    ['missing', 'does not exist'],
    ['.', 'is a folder, not a file'],
    ['timeline.csv/inside', 'does not exist'],
  ])('%s: it %s', async (name, why) => {
    const reading = readTimeline(join(folder, name));
    await expect(reading).rejects.toBeInstanceOf(SetupError);
    await expect(reading).rejects.toMatchObject({ exitCode: 2, message: expect.stringContaining(why) });
  });
});
