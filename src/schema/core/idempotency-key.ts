import type { Call } from '../../db/idempotency.ts';
import { BOUNDS } from '../../domain/bounds.ts';
import { builder } from './builder.ts';
import { readText } from './text.ts';

/** The idempotency argument of mutations. */
export const onceArgs = () =>
  builder.args((t) => ({
    idempotencyKey: t.string({
      description: `A key that the caller chooses, up to ${BOUNDS.idempotencyKey.max} characters. Repeating the same call with the same key within 24 hours changes nothing and returns the first result. A different call with that key is a ConflictError. A refused call does not use up its key. Default: none; a repeated call then acts again.`,
    }),
  }));

/** Identifies a mutation by its key and its arguments. @throws InvalidInputError naming `idempotencyKey` */
export function callOf(
  { idempotencyKey }: { idempotencyKey?: string | null | undefined },
  mutation: string,
  args: object,
): Call {
  const key = idempotencyKey ?? null;
  return {
    key: key === null ? null : readText(key, 'idempotencyKey', BOUNDS.idempotencyKey.max),
    request: [mutation, args],
  };
}
