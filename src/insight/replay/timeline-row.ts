import { MalformedFileError } from '../../domain/errors.ts';
import { isPlain, PLAIN } from '../../domain/text.ts';

/** The columns a timeline has to have, in any order; others are left alone. */
const COLUMNS = ['conversation', 'at', 'from', 'agent', 'skill'] as const;

/** One message of a recorded timeline. */
export type TimelineRow = {
  /** The line of the file that it begins on, from 1. */
  line: number;
  /** Stands for the contact, which has one conversation after another. */
  conversation: string;
  at: Date;
  from: 'consumer' | 'agent';
  /** Who wrote an agent's row; null where the field is empty. */
  agent: string | null;
  skill: string | null;
};

/** Takes the first line. @throws MalformedFileError naming the column that is missing or there twice */
export function readHeader(fields: readonly string[]): readonly string[] {
  for (const name of COLUMNS) {
    if (!fields.includes(name)) throw new MalformedFileError(1, name, 'the first line names no such column');
    if (fields.indexOf(name) !== fields.lastIndexOf(name))
      throw new MalformedFileError(1, name, 'the first line names this column twice');
  }
  return fields;
}

/** How errors call the column of a field: its name, or its number from 1 where it has none. */
export function columnName(header: readonly string[], index: number): string {
  return header[index] || String(index + 1);
}

/**
 * Reads one file's rows, one after another, and remembers where each conversation stands: a row earlier than the
 * one before it in its conversation is malformed.
 */
export function rowReader(
  header: readonly string[],
): (fields: readonly string[], line: number) => TimelineRow {
  const [conversationIndex, atIndex, fromIndex, agentIndex, skillIndex] = COLUMNS.map((name) =>
    header.indexOf(name),
  ) as [number, number, number, number, number];
  const newest = new Map<string, { conversation: string; atMs: number }>();
  const names = new Map<string, string>();
  // One string for all rows that name the same: a million rows hold few names.
  const shared = (name: string) => {
    const known = names.get(name);
    if (known === undefined) names.set(name, name);
    return known ?? name;
  };

  return (fields, line) => {
    const malformed = (index: number, why: string) =>
      new MalformedFileError(line, columnName(header, index), why);
    if (fields.length !== header.length)
      throw malformed(
        Math.min(fields.length, header.length),
        `${header.length} fields are expected, not ${fields.length}`,
      );
    const text = (index: number) => fields[index] as string;
    for (const index of [conversationIndex, agentIndex, skillIndex])
      if (!isPlain(text(index))) throw malformed(index, `a text ${PLAIN}, is allowed`);

    const conversation = text(conversationIndex);
    if (conversation.trim() === '') throw malformed(conversationIndex, 'it must not be empty');
    const at = instantOf(text(atIndex));
    if (at === null)
      throw malformed(
        atIndex,
        `${shown(text(atIndex))} is not an ISO 8601 date and time with Z or an offset, such as 2026-03-01T09:30:00Z`,
      );
    const from = text(fromIndex);
    if (from !== 'consumer' && from !== 'agent')
      throw malformed(fromIndex, `${shown(from)} is neither consumer nor agent`);

    const last = newest.get(conversation);
    const atMs = at.getTime();
    if (last === undefined) newest.set(conversation, { conversation, atMs });
    else if (atMs < last.atMs)
      throw malformed(
        atIndex,
        `${shown(text(atIndex))} is earlier than the row before it in conversation ${shown(conversation)}`,
      );
    else last.atMs = atMs;

    return {
      line,
      conversation: last?.conversation ?? conversation,
      at,
      from,
      agent: shared(text(agentIndex)) || null,
      skill: shared(text(skillIndex)) || null,
    };
  };
}

/** A value as an error quotes it: on one line, and cut where it is long. */
function shown(value: string): string {
  return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
}

// There is no year 0 in SQL, where an import puts it.
const INSTANT =
  /^((?!0000)\d{4}-\d\d-(\d\d)T\d\d:\d\d)(:\d\d)?(?:[.,](\d+))?(?:Z|([+-])([01]\d|2[0-3])(?::?([0-5]\d))?)$/;

function instantOf(text: string): Date | null {
  const parts = INSTANT.exec(text);
  if (parts === null) return null;
  const [, minute, day, second = ':00', fraction = '', sign, hours, minutes = '0'] = parts;
  const local = new Date(`${minute}${second}.${fraction.slice(0, 3).padEnd(3, '0')}Z`);
  // Date takes 30 February for 2 March, and 24:00 for the next day.
  if (local.getUTCDate() !== Number(day)) return null;
  if (sign === undefined) return local;
  const offsetMs = (Number(hours) * 60 + Number(minutes)) * 60_000;
  return new Date(local.getTime() + (sign === '+' ? -offsetMs : offsetMs));
}
