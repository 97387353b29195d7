const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Whether a text has the form of an id. Any other text matches nothing and must not reach the database. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/** Less than any id. No object has it. */
export const NIL = '00000000-0000-0000-0000-000000000000';
