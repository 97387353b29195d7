import type { z } from 'zod';

/** The first issue of a failed parse: the field's path below `root`, and the allowed values. It never contains the value, which may be a secret. */
export function firstIssue(error: z.ZodError, root: string): { field: string; allowed: string } {
  const issue = error.issues[0];
  if (!issue) return { field: root, allowed: 'another value' };
  const [unknown] = issue.code === 'unrecognized_keys' ? issue.keys : [];
  if (unknown !== undefined)
    return { field: pathOf(root, [...issue.path, unknown]), allowed: 'there is no such field' };
  return { field: pathOf(root, issue.path), allowed: issue.message };
}

function pathOf(root: string, path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (above, key) => (typeof key === 'number' ? `${above}[${key}]` : `${above}.${String(key)}`),
    root,
  );
}
