/** What is unique in an account, by the name of its constraint: the field that a client gave. */
const FIELDS: Readonly<Record<string, string>> = {
  channel_name: 'name',
  skill_name: 'name',
  agent_name: 'name',
  agent_subject: 'subject',
  calendar_name: 'name',
};

/** The field that another row has already, where that is why a statement failed; else null. */
export function takenField(error: unknown): string | null {
  const { code, constraint_name: constraint = '' } = error as { code?: string; constraint_name?: string };
  return code === '23505' ? (FIELDS[constraint] ?? null) : null;
}
