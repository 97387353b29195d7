/** Names of fields that may contain a customer's address or text, at any depth. */
const CUSTOMERS = new Set([
  ...['address', 'addresses', 'phone', 'email', 'recipient', 'text', 'body', 'subject'],
  // Fields of the driver and of Postgres that may contain values of a row.
  ...['detail', 'where', 'hint', 'query', 'parameters', 'params', 'args', 'internal_query'],
]);
/** The only fields of an error that are logged, besides its type, code, message, frames and causes. */
const ERROR_FIELDS = [
  ...['severity', 'routine', 'schema_name', 'table_name', 'column_name', 'constraint_name'],
  ...['syscall', 'errno', 'port', 'status', 'field', 'scope', 'retryAfterSeconds'],
];
const REDACTED = '[redacted]';
const DEEPEST = 6;

const EMAIL = /[\p{L}\p{N}._%+-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+/gu;
/** Eight to fifteen digits that are not part of a longer id, instant or decimal number. */
const PHONE = /(?<![\w.:/-])\+?\d{8,15}(?![\w.:-]*[\w])/g;
const PHONE_WITH_PLUS = /\+\d{7,15}/g;
/** The part of a URL after its host, where providers' APIs may have an address. */
const IN_URL = /(https?:\/\/[^\s/"'?#]+)[/?#][^\s"']*/g;

/** Removes telephone numbers and mail addresses from a text. */
export function redactText(text: string): string {
  return text.replace(EMAIL, REDACTED).replace(PHONE_WITH_PLUS, REDACTED).replace(PHONE, REDACTED);
}

/**
 * Removes values that may belong to a customer from a logged value, and reduces errors to what shows the cause.
 */
export function redactValue(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  if (depth >= DEEPEST) return REDACTED;
  if (value instanceof Error) return redactError(value, depth);
  if (Array.isArray(value)) return value.map((each) => redactValue(each, depth + 1));
  if (value instanceof Map || value instanceof Set || ArrayBuffer.isView(value)) return REDACTED;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [
      name,
      CUSTOMERS.has(name) && typeof each !== 'number' ? REDACTED : redactValue(each, depth + 1),
    ]),
  );
}

/** The fields of an error that contain no row. A driver's error also has the statement and its parameters. */
function redactError(error: Error, depth: number): object {
  const fields = error as unknown as Record<string, unknown>;
  const named = ERROR_FIELDS.filter((name) => fields[name] !== undefined);
  const { cause, errors, code } = fields;
  return {
    type: error.name === 'Error' ? (error.constructor?.name ?? 'Error') : error.name,
    ...(code === undefined ? {} : { code }),
    message: messageOf(error, code),
    stack: framesOf(error),
    ...Object.fromEntries(named.map((name) => [name, redactValue(fields[name], depth + 1)])),
    ...(cause === undefined ? {} : { cause: redactValue(cause, depth + 1) }),
    ...(Array.isArray(errors)
      ? { errors: errors.slice(0, 3).map((each) => redactValue(each, depth + 1)) }
      : {}),
  };
}

/** Postgres repeats values in its messages: anywhere if the value was bad, otherwise after a colon. */
function messageOf(error: Error, code: unknown): string {
  const text = redactText(error.message.replace(IN_URL, `$1/${REDACTED}`));
  if (!('severity' in error)) return text;
  if (/^(22|P0)/.test(String(code))) return `a value that the database did not take ${REDACTED}`;
  return text.replace(/: ".*$/s, `: ${REDACTED}`);
}

function framesOf({ stack = '' }: Error): string {
  return stack
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .join('\n');
}
