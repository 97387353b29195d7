import { MalformedFileError } from '../../domain/errors.ts';
import { isPlain, PLAIN } from '../../domain/text.ts';

/** The required columns of a timeline, in any order; others are ignored. */
const COLUMNS = ['conversation', 'at', 'from', 'agent', 'skill'] as const;
type Column = (typeof COLUMNS)[number];

/** One message of a recorded timeline. */
export type TimelineRow = {
  /** The line of the file on which the row begins, from 1. */
  line: number;
  /** Identifies the contact, whose conversations follow each other. */
  conversation: string;
  at: Date;
  from: 'consumer' | 'agent';
  /** The author of an agent's row; null if the field is empty. */
  agent: string | null;
  skill: string | null;
};

/** Checks the header line. @throws MalformedFileError if a column is missing or duplicated */
export function readHeader(fields: readonly string[]): readonly string[] {
  for (const name of COLUMNS) {
    if (!fields.includes(name)) throw new MalformedFileError(1, name, 'the header line lacks this column');
    if (fields.indexOf(name) !== fields.lastIndexOf(name))
      throw new MalformedFileError(1, name, 'the header line has this column twice');
  }
  return fields;
}

/** The name of a column in errors; its number from 1 if it has no name. */
export function columnName(header: readonly string[], index: number): string {
  return header[index] || String(index + 1);
}

/** Returns a reader of one file's rows, which must be in time order within each conversation. */
export function rowReader(
  header: readonly string[],
): (fields: readonly string[], line: number) => TimelineRow {
  const newest = new Map<string, { conversation: string; atMs: number }>();
  const names = new Map<string, string>();
  // Rows with the same name share one string, because a million rows hold few names.
  const shared = (name: string) => {
    const known = names.get(name);
    if (known === undefined) names.set(name, name);
    return known ?? name;
  };

  return (fields, line) => {
    const row = parseRow(header, fields, line);
    const { conversation, at } = row;
    const last = newest.get(conversation);
    const atMs = at.getTime();
    if (last === undefined) newest.set(conversation, { conversation, atMs });
    else if (atMs < last.atMs)
      throw new MalformedFileError(
        line,
        'at',
        `${shown(fields[header.indexOf('at')] ?? '')} is earlier than the row before it in conversation ${shown(conversation)}`,
      );
    else last.atMs = atMs;
    return {
      ...row,
      conversation: last?.conversation ?? conversation,
      agent: shared(row.agent ?? '') || null,
      skill: shared(row.skill ?? '') || null,
    };
  };
}

function parseRow(header: readonly string[], fields: readonly string[], line: number): TimelineRow {
  if (fields.length !== header.length)
    throw new MalformedFileError(
      line,
      columnName(header, Math.min(fields.length, header.length)),
      `the row has ${fields.length} fields, but the header line has ${header.length}`,
    );
  const malformed = (name: Column, why: string) => new MalformedFileError(line, name, why);
  const text = (name: Column) => fields[header.indexOf(name)] as string;
  for (const name of ['conversation', 'agent', 'skill'] as const)
    if (!isPlain(text(name))) throw malformed(name, `a text ${PLAIN}, is allowed`);

  const conversation = text('conversation');
  if (conversation.trim() === '') throw malformed('conversation', 'it must not be empty');
  const at = instantOf(text('at'));
  if (at === null)
    throw malformed(
      'at',
      `${shown(text('at'))} is not an ISO 8601 date and time with Z or an offset, such as 2026-03-01T09:30:00Z`,
    );
  const from = text('from');
  if (from !== 'consumer' && from !== 'agent')
    throw malformed('from', `${shown(from)} is neither consumer nor agent`);
  return { line, conversation, at, from, agent: text('agent') || null, skill: text('skill') || null };
}

/** Quotes a value for an error, on one line and shortened. */
function shown(value: string): string {
  return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
}

// SQL has no year 0.
const INSTANT =
  /^((?!0000)\d{4}-\d\d-(\d\d)T\d\d:\d\d)(:\d\d)?(?:[.,](\d+))?(?:Z|([+-])([01]\d|2[0-3])(?::?([0-5]\d))?)$/;

function instantOf(text: string): Date | null {
  const parts = INSTANT.exec(text);
  if (parts === null) return null;
  const [, minute, day, second = ':00', fraction = '', sign, hours, minutes = '0'] = parts;
  const local = new Date(`${minute}${second}.${fraction.slice(0, 3).padEnd(3, '0')}Z`);
  // Date reads 30 February as 2 March, and 24:00 as the next day.
  if (local.getUTCDate() !== Number(day)) return null;
  if (sign === undefined) return local;
  const offsetMs = (Number(hours) * 60 + Number(minutes)) * 60_000;
  return new Date(local.getTime() + (sign === '+' ? -offsetMs : offsetMs));
}
