import { canonicalJson } from '../shared/canonical-json.ts';

/** Fails the running case unless `condition` holds. */
export function check(condition: boolean, failure: string): asserts condition {
  if (!condition) throw new Error(failure);
}

/** Fails the running case unless both values are equal. */
export function checkSame(actual: unknown, expected: unknown, label: string): void {
  const [got, wanted] = [canonicalJson(actual), canonicalJson(expected)];
  check(got === wanted, `${label}: expected ${wanted}, got ${got}`);
}

/** The error that a call throws, or null if it returns. */
export async function thrownBy(call: () => unknown): Promise<unknown> {
  try {
    await call();
    return null;
  } catch (error) {
    return error;
  }
}

/** The texts within a value, each with its path. */
export function textsIn(value: unknown, path: Path = []): { path: Path; text: string }[] {
  if (typeof value === 'string') return [{ path, text: value }];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => textsIn(inner, [...path, key]));
}

export type Path = readonly string[];
