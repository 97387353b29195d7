import { GraphQLError, GraphQLScalarType, Kind, type ValueNode } from 'graphql';
import { GraphQLDateTime, GraphQLJSONObject } from 'graphql-scalars';
import { Temporal } from 'temporal-polyfill';
import { InvalidInputError } from '../../domain/errors.ts';
import { formatDuration, parseDuration } from '../../domain/time/duration.ts';
import { builder } from './builder.ts';

builder.addScalarType(
  'DateTime',
  new GraphQLScalarType({
    ...GraphQLDateTime.toConfig(),
    description:
      'An instant with millisecond precision, as RFC 3339 in UTC or with an offset, such as `2026-11-20T15:00:00.000Z`.',
    parseValue: (value) => readInstant(value),
    parseLiteral: (node) => readInstant(node.kind === Kind.STRING ? node.value : null, node),
  }),
);

builder.addScalarType(
  'JSONObject',
  new GraphQLScalarType({ ...GraphQLJSONObject.toConfig(), description: 'A JSON object.' }),
);

builder.addScalarType(
  'Duration',
  new GraphQLScalarType<Temporal.Duration, string>({
    name: 'Duration',
    description:
      'An ISO 8601 duration of weeks, days (24 hours each), hours, minutes and seconds, such as `P90D`, `PT25M` or `PT1H30M` (LP-10, PE-1). From zero to `P3650D`, with millisecond precision. Years and months are refused with INVALID_INPUT, because their length depends on the calendar.',
    specifiedByURL: 'https://www.iso.org/iso-8601-date-and-time-format.html',
    serialize(value) {
      if (!(value instanceof Temporal.Duration)) throw new TypeError('a Temporal.Duration was expected');
      return formatDuration(value);
    },
    parseValue: (value) => readDuration(value),
    parseLiteral: (node) => readDuration(node.kind === Kind.STRING ? node.value : null, node),
  }),
);

/** Characters of an instant. Longer texts only add digits below a millisecond. */
const MAX_INSTANT = 50;

function readInstant(value: unknown, nodes?: ValueNode): Date {
  const at = typeof value === 'string' && value.length <= MAX_INSTANT ? instantOf(value) : null;
  if (at !== null) return at;
  const allowed = 'an RFC 3339 instant is required, such as 2026-11-20T15:00:00.000Z';
  const extensions = { code: 'INVALID_INPUT', allowed };
  throw new GraphQLError(`DateTime: ${allowed}`, { nodes: nodes ?? null, extensions });
}

/** Null for a malformed instant: the library's scalar throws for it, or returns an invalid date. */
function instantOf(text: string): Date | null {
  try {
    const at = GraphQLDateTime.parseValue(text) as Date;
    return Number.isNaN(at.getTime()) ? null : at;
  } catch {
    return null;
  }
}

function readDuration(value: unknown, nodes?: ValueNode): Temporal.Duration {
  try {
    return parseDuration(typeof value === 'string' ? value : '', 'Duration');
  } catch (error) {
    if (!(error instanceof InvalidInputError)) throw error;
    const { code, allowed, message } = error;
    throw new GraphQLError(message, { nodes: nodes ?? null, extensions: { code, allowed } });
  }
}
