import { isUtf8 } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { CsvError, parse } from 'csv-parse/sync';
import { MalformedFileError, SetupError } from '../../domain/errors.ts';
import { columnName, readHeader, rowReader, type TimelineRow } from './timeline-row.ts';

export type { TimelineRow };

/** Receives progress of long work, in units of the work. */
export type Progress = (done: number, total: number) => void;
export const ROWS_BETWEEN_PROGRESS = 50_000;

/** A longer record, in characters, has an unclosed quote. */
const MAX_RECORD = 1_000_000;

const BYTE_ORDER_MARK = Buffer.from('\uFEFF');

/**
 * Reads a timeline file: CSV in UTF-8 with the columns conversation, at, from, agent and skill (LL-12). Rows keep the
 * file's order; blank lines are skipped.
 * @throws SetupError if the file cannot be read; MalformedFileError naming line and column
 */
export async function readTimeline(path: string, onProgress?: Progress): Promise<TimelineRow[]> {
  let content: Buffer;
  try {
    content = await readFile(path);
  } catch (error) {
    throw new SetupError(
      `the file ${JSON.stringify(path)} ${whyUnreadable(error as NodeJS.ErrnoException)}`,
      2,
    );
  }
  return parseTimeline(content, onProgress);
}

/** Parses a timeline. @throws MalformedFileError naming line and column */
export function parseTimeline(content: string | Buffer, onProgress?: Progress): TimelineRow[] {
  const bytes = withoutByteOrderMark(typeof content === 'string' ? Buffer.from(content) : content);
  // Latin-1 keeps the bytes of malformed UTF-8, so that the error can name the field.
  const encoding = isUtf8(bytes) ? 'utf8' : 'latin1';
  const rows: TimelineRow[] = [];
  let header: readonly string[] = [];
  let readRow = rowReader(header);
  let line = 1;

  const onRecord = (fields: string[], { bytes: done }: { bytes: number }): null => {
    const begins = line;
    line += 1 + lineBreaksIn(fields);
    if (encoding === 'latin1') checkUtf8(fields, header, begins);
    if (header.length === 0) {
      header = readHeader(fields);
      readRow = rowReader(header);
    } else if (fields.length > 1 || fields[0] !== '') {
      rows.push(readRow(fields, begins));
      if (rows.length % ROWS_BETWEEN_PROGRESS === 0) onProgress?.(done, bytes.length);
    }
    return null;
  };
  try {
    parse(bytes, {
      encoding,
      record_delimiter: ['\r\n', '\n', '\r'],
      relax_column_count: true,
      max_record_size: MAX_RECORD,
      on_record: onRecord,
    });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new MalformedFileError(line, columnName(header, Number(error.column)), whyNotCsv(error));
  }
  if (header.length === 0) readHeader([]);
  return rows;
}

function withoutByteOrderMark(bytes: Buffer): Buffer {
  const marked = bytes.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK);
  return marked ? bytes.subarray(BYTE_ORDER_MARK.length) : bytes;
}

/** A quoted field may span lines; the parser's own count takes CRLF as two line breaks. */
function lineBreaksIn(fields: readonly string[]): number {
  let count = 0;
  for (const field of fields)
    if (field.includes('\n') || field.includes('\r')) count += field.match(/\r\n|\n|\r/g)?.length ?? 0;
  return count;
}

function checkUtf8(fields: readonly string[], header: readonly string[], line: number): void {
  const bad = fields.findIndex((field) => !isUtf8(Buffer.from(field, 'latin1')));
  if (bad >= 0)
    throw new MalformedFileError(
      line,
      columnName(header, bad),
      'the value is not valid UTF-8; save the file as UTF-8',
    );
}

function whyNotCsv({ code }: CsvError): string {
  switch (code) {
    case 'CSV_QUOTE_NOT_CLOSED':
      return 'an opening quote has no closing quote';
    case 'CSV_MAX_RECORD_SIZE':
      return `the record is longer than ${MAX_RECORD} characters; look for a missing closing quote`;
    case 'CSV_INVALID_CLOSING_QUOTE':
      return 'a comma or the end of the line must follow a closing quote';
    case 'INVALID_OPENING_QUOTE':
      return 'a field that contains a quote must be quoted, and the inner quote doubled';
    default:
      return `the file is not valid CSV (${code})`;
  }
}

function whyUnreadable({ code, message }: NodeJS.ErrnoException): string {
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'does not exist';
    case 'EISDIR':
      return 'is a folder, not a file';
    case 'EACCES':
    case 'EPERM':
      return 'cannot be read: permission denied';
    case 'ERR_FS_FILE_TOO_LARGE':
      return 'is larger than 2 GiB; split it and keep each conversation in one file';
    default:
      return `could not be read (${code ?? message})`;
  }
}
