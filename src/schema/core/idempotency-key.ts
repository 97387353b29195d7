import type { Call } from '../../db/idempotency.ts';
import { BOUNDS } from '../../domain/bounds.ts';
import { builder } from './builder.ts';
import { readText } from './text.ts';

/** The argument of every mutation that does one thing. */
export const onceArgs = () =>
  builder.args((t) => ({
    idempotencyKey: t.string({
      description:
        "A text of the caller's own, up to 256 characters, kept for a day: the same call under the same key again changes nothing and gets the same answer, however the first one went on; another call under it is a ConflictError. A call that was refused keeps no key.",
    }),
  }));

/** The call that a mutation is: its key, and all that it was asked. @throws InvalidInputError */
export function callOf(
  { idempotencyKey }: { idempotencyKey?: string | null | undefined },
  mutation: string,
  asked: object,
): Call {
  const key = idempotencyKey ?? null;
  return {
    key: key === null ? null : readText(key, 'idempotencyKey', BOUNDS.idempotencyKey.max),
    request: [mutation, asked],
  };
}
