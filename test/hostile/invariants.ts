import type { Got } from './ask.ts';

/**
 * Values that must not be revealed: those of the other account, and secrets, which the log must not contain either.
 */
export type Kept = { theirs: readonly string[]; secrets: readonly string[] };

/** Patterns that reveal the implementation. */
const INSIDES: readonly (readonly [string, RegExp])[] = [
  ['a stack trace', /\bat (?:async )?[\w.<>[\] ]*\(?(?:file:|node:|\/)[^\s)]*:\d+/],
  ['a path of a file', /node_modules|\/work\/|\/src\/\w|file:\/\//],
  [
    'SQL',
    /\bselect .{1,200} from |insert into \w|\bupdate \w+ set |\bjsonb?\b.*\bcast\b|::(?:uuid|text|jsonb)\b/i,
  ],
  [
    'an error of Postgres',
    /syntax error at|relation \\?"|column \\?"|violates|PostgresError|invalid byte sequence|SQLSTATE/,
  ],
  [
    'an error of JavaScript',
    /\b(?:TypeError|RangeError|ReferenceError|SyntaxError)\b|is not a function|Cannot read prop|call stack/,
  ],
];
const FAULT_CODES = /^INTERNAL/;

/**
 * Which of the invariants an answer breaks, in words; what was sent in may come out again. `allowed`: the statuses that
 * it may have without a body of ours.
 */
export function faultsIn(
  asked: string,
  { status, headers, body }: Got,
  kept: Kept,
  allowed: readonly number[] = [],
): string[] {
  const faults: string[] = [];
  const all = `${JSON.stringify(headers)}\n${body}`;
  for (const mark of kept.theirs) if (all.includes(mark)) faults.push(`it tells of another account: ${mark}`);
  for (const secret of kept.secrets) if (all.includes(secret)) faults.push(`it tells a secret: ${secret}`);
  for (const [what, pattern] of INSIDES) {
    const found = pattern.exec(body)?.[0];
    if (found !== undefined && !asked.includes(found)) faults.push(`it shows ${what}: ${found}`);
  }
  if (status >= 500 && !(status === 503 && headers['retry-after'] !== undefined))
    faults.push(`it is a ${status}${status === 503 ? ' without Retry-After' : ''}`);
  if (allowed.includes(status)) return faults;
  // An interim answer (100) has no headers.
  const isAnswer = status >= 200;
  if (isAnswer && headers['cache-control'] !== 'no-store')
    faults.push(`it may be kept: cache-control ${headers['cache-control']}`);
  if (isAnswer && headers['x-content-type-options'] !== 'nosniff') faults.push('its type may be guessed');
  if (status === 0) faults.push('the connection was closed without an answer');
  return [...faults, ...faultsOfErrors(status, headers, body)];
}

function faultsOfErrors(status: number, headers: Got['headers'], body: string): string[] {
  const isStream = headers['content-type']?.startsWith('text/event-stream');
  const texts = isStream ? [...body.matchAll(/^data: ?(.+)$/gm)].map(([, text]) => text as string) : [body];
  const read = texts.map(parsed);
  if (status < 400 && read.every((answer) => typeof answer !== 'object' || answer === null)) return [];
  const errors = read.flatMap((answer) => (answer as { errors?: unknown } | null)?.errors ?? []);
  if (status >= 400 && errors.length === 0) return [`a ${status} without errors in its body`];
  return errors.flatMap((error) => {
    const code = (error as { extensions?: { code?: unknown } }).extensions?.code;
    if (typeof code !== 'string' || code === '') return [`an error without a code: ${JSON.stringify(error)}`];
    return FAULT_CODES.test(code) ? [`an unexpected error: ${JSON.stringify(error)}`] : [];
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Log lines that must not be written: with a secret, or about an unexpected error. */
export function linesWithFaults(log: string, { secrets }: Kept): string[] {
  const faults = secrets.filter((secret) => log.includes(secret)).map((secret) => `the log holds ${secret}`);
  const unexpected = log.split('\n').filter((line) => line !== '' && !/"level":[1-4]0\b/.test(line));
  return [...faults, ...unexpected.map((line) => `the log tells of a fault: ${line.slice(0, 2_000)}`)];
}
