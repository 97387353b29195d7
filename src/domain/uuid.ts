const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Whether a text has the form of an id; what has not names nothing and must never reach the database. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/** Less than any id; nothing has it. */
export const NIL = '00000000-0000-0000-0000-000000000000';
