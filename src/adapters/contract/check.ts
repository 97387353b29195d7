import { canonical } from '../shared/canonical-json.ts';

/** Fails the running case unless `holds`; `otherwise` says what was wrong. */
export function check(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Error(otherwise);
}

/** Fails the running case unless both are equal by value. */
export function checkSame(actual: unknown, expected: unknown, what: string): void {
  const [got, wanted] = [canonical(actual), canonical(expected)];
  check(got === wanted, `${what}: expected ${wanted}, got ${got}`);
}

/** What a call throws, or null if it returns. */
export async function thrownBy(call: () => unknown): Promise<unknown> {
  try {
    await call();
    return null;
  } catch (error) {
    return error;
  }
}
