import { z } from 'zod';
import { InvalidInputError } from '../../domain/errors.ts';
import type { Inbound, InboundEvent } from '../adapter.ts';
import { firstIssue } from './first-issue.ts';

/** Text that can be stored and compared, such as an id: not empty, without control characters or lone surrogates. */
export const identifier = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(/^[^\p{Cc}\p{Cs}]+$/u, 'no control characters, and well formed');

/** An identifier that some providers send as a number. */
export const identifierOrNumber = (max: number) =>
  z.union([identifier(max), z.int().nonnegative().transform(String)]);

/** An ISO 8601 date and time with an offset. */
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
    { error: 'milliseconds since 1970' },
  )
  .transform((ms) => new Date(Number(ms)));

/** A BCP 47 language tag, such as de-AT. */
export const locale = z
  .string()
  .max(35)
  .regex(/^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$/, 'a language tag of BCP 47, such as de-AT');

/** A setting that is a URL. */
export const httpUrl = z.url({ protocol: /^https?$/ });

/** Reports a missing field from within a transform, which returns the result. */
export function missingField(context: z.RefinementCtx, path: string[], allowed: string): never {
  context.addIssue({ code: 'custom', path, message: allowed });
  return z.NEVER;
}

/** One item of a request: its place, its value and its schema. A null schema, or one that yields null, ignores the item. */
export type Item = { field: string; value: unknown; schema: z.ZodType<InboundEvent | null> | null };

/** Parses the items of a request one by one: an invalid item does not affect the valid ones. */
export function readItems(items: Iterable<Item>): Inbound {
  const events: InboundEvent[] = [];
  const malformed: { field: string; allowed: string }[] = [];
  let ignored = 0;
  for (const { field, value, schema } of items) {
    const result = schema?.safeParse(value);
    if (result?.error) malformed.push(firstIssue(result.error, field));
    else if (result?.data) events.push(result.data);
    else ignored += 1;
  }
  return { events, ignored, malformed };
}

/** Parses a JSON body. @throws InvalidInputError naming the invalid field, or `body` */
export function readBody<Body>(schema: z.ZodType<Body>, body: Uint8Array): Body {
  const read = schema.safeParse(parseJson(body));
  if (read.success) return read.data;
  const { field, allowed } = firstIssue(read.error, 'body');
  throw new InvalidInputError(field, allowed);
}

/** Decodes a body. @throws InvalidInputError saying what is `allowed` if the body is not UTF-8 */
export function decodeText(body: Uint8Array, allowed: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw new InvalidInputError('body', allowed);
  }
}

function parseJson(body: Uint8Array): unknown {
  const allowed = 'JSON in UTF-8';
  try {
    return JSON.parse(decodeText(body, allowed));
  } catch {
    throw new InvalidInputError('body', allowed);
  }
}
