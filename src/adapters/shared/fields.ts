import { z } from 'zod';
import { InvalidInputError } from '../../domain/errors.ts';
import type { Inbound, InboundEvent } from '../adapter.ts';
import { firstFault } from './invalid.ts';

/** Text that can be stored and compared, such as an id: not empty, without control characters or half a surrogate pair. */
export const word = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(/^[^\p{Cc}\p{Cs}]+$/u, 'no control characters, and well formed');

/** An id that some write as a number. */
export const wordOrNumber = (max: number) => z.union([word(max), z.int().nonnegative().transform(String)]);

/** An instant in ISO 8601 with its offset. */
export const instant = z.iso.datetime({ offset: true }).transform((text) => new Date(text));

/** Seconds since 1970, as digits or as a number. */
export const unixSeconds = z
  .union([z.string().regex(/^\d{1,11}$/, 'seconds since 1970'), z.number().min(0).max(99_999_999_999)], {
    error: 'seconds since 1970',
  })
  .transform((seconds) => new Date(Number(seconds) * 1000));

/** Milliseconds since 1970, as digits or as a number. */
export const unixMilliseconds = z
  .union(
    [z.string().regex(/^\d{1,14}$/, 'milliseconds since 1970'), z.int().min(0).max(99_999_999_999_999)],
    {
      error: 'milliseconds since 1970',
    },
  )
  .transform((ms) => new Date(Number(ms)));

/** A language and perhaps a region, as BCP 47 writes them. */
export const locale = z
  .string()
  .max(35)
  .regex(/^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$/, 'a language tag of BCP 47, such as de-AT');

/** One thing in a call: where it stands, and how to read it. `as` null, or a reading that gives null: of no use to Lull. */
export type Item = { at: string; value: unknown; as: z.ZodType<InboundEvent | null> | null };

/** Reads the things of a call one by one: a bad one spoils none of the good ones. */
export function readItems(items: Iterable<Item>): Inbound {
  const events: InboundEvent[] = [];
  const malformed: { field: string; allowed: string }[] = [];
  let ignored = 0;
  for (const { at, value, as } of items) {
    const result = as?.safeParse(value);
    if (result?.error) malformed.push(firstFault(result.error, at));
    else if (result?.data) events.push(result.data);
    else ignored += 1;
  }
  return { events, ignored, malformed };
}

/** Reads a body as a whole. @throws InvalidInputError naming the field that is wrong, or `body` */
export function readBody<Body>(schema: z.ZodType<Body>, body: Uint8Array): Body {
  const read = schema.safeParse(jsonOf(body));
  if (read.success) return read.data;
  const { field, allowed } = firstFault(read.error, 'body');
  throw new InvalidInputError(field, allowed);
}

/** The text of a body. @throws InvalidInputError where it is no UTF-8 */
export function textOf(body: Uint8Array, allowed: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw new InvalidInputError('body', allowed);
  }
}

function jsonOf(body: Uint8Array): unknown {
  const allowed = 'JSON in UTF-8';
  try {
    return JSON.parse(textOf(body, allowed));
  } catch {
    throw new InvalidInputError('body', allowed);
  }
}
