import type { z } from 'zod';
import { nearest } from '../../domain/nearest.ts';

/**
 * The first issue of a failed parse: the field's path below `root`, and the allowed values. It never contains the value,
 * which may be a secret. `names`: the fields at the top, of which the nearest to a misspelt one is suggested.
 */
export function firstIssue(
  error: z.ZodError,
  root: string,
  names: readonly string[] = [],
): { field: string; allowed: string } {
  const issue = error.issues[0];
  if (!issue) return { field: root, allowed: 'another value' };
  const [unknown] = issue.code === 'unrecognized_keys' ? issue.keys : [];
  if (unknown !== undefined)
    return {
      field: pathOf(root, [...issue.path, unknown]),
      allowed: noSuchField(unknown, issue.path.length === 0 ? names : []),
    };
  return { field: pathOf(root, issue.path), allowed: issue.message };
}

function pathOf(root: string, path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (above, key) => (typeof key === 'number' ? `${above}[${key}]` : `${above}.${String(key)}`),
    root,
  );
}

function noSuchField(name: string, names: readonly string[]): string {
  const near = nearest(name, names);
  if (near !== null) return `there is no such field; did you mean ${near}?`;
  return names.length === 0
    ? 'there is no such field'
    : `there is no such field; there are ${names.join(', ')}`;
}
