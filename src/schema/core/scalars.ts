import { GraphQLError, GraphQLScalarType, Kind, type ValueNode } from 'graphql';
import { GraphQLDateTime, GraphQLJSONObject } from 'graphql-scalars';
import { Temporal } from 'temporal-polyfill';
import { InvalidInputError } from '../../domain/errors.ts';
import { formatDuration, parseDuration } from '../../domain/time/duration.ts';
import { builder } from './builder.ts';

/** Instants, RFC 3339. */
builder.addScalarType(
  'DateTime',
  new GraphQLScalarType({
    ...GraphQLDateTime.toConfig(),
    description: 'An instant to the millisecond, RFC 3339, such as `2026-11-20T15:00:00.000Z`.',
    parseValue: (value) => readInstant(value),
    parseLiteral: (node) => readInstant(node.kind === Kind.STRING ? node.value : null, node),
  }),
);

/** What has no shape of its own: only ever shown. */
builder.addScalarType(
  'JSONObject',
  new GraphQLScalarType({ ...GraphQLJSONObject.toConfig(), description: 'Names with JSON values.' }),
);

/** Durations that last as long everywhere (LP-10, PE-1). */
builder.addScalarType(
  'Duration',
  new GraphQLScalarType<Temporal.Duration, string>({
    name: 'Duration',
    description:
      'An ISO 8601 duration of weeks, days (24 hours each), hours, minutes and seconds, such as `P90D`, `PT25M` or `PT1H30M` (LP-10, PE-1). Not negative, at most `P3650D`, to the millisecond. Years and months are refused: their length depends on the calendar.',
    specifiedByURL: 'https://www.iso.org/iso-8601-date-and-time-format.html',
    serialize(value) {
      if (!(value instanceof Temporal.Duration)) throw new TypeError('a Temporal.Duration was expected');
      return formatDuration(value);
    },
    parseValue: (value) => read(value),
    parseLiteral: (node) => read(node.kind === Kind.STRING ? node.value : null, node),
  }),
);

/** Its longest form that says anything; a longer one only has more digits. */
const MAX_INSTANT = 50;

function readInstant(value: unknown, nodes?: ValueNode): Date {
  const at = typeof value === 'string' && value.length <= MAX_INSTANT ? instantOf(value) : null;
  if (at !== null) return at;
  const allowed = 'an instant as RFC 3339 has it, such as 2026-11-20T15:00:00.000Z';
  const extensions = { code: 'INVALID_INPUT', allowed };
  throw new GraphQLError(`DateTime: ${allowed}`, { nodes: nodes ?? null, extensions });
}

/** Null for what is none, for which that scalar throws, or gives an invalid date. */
function instantOf(text: string): Date | null {
  try {
    const at = GraphQLDateTime.parseValue(text) as Date;
    return Number.isNaN(at.getTime()) ? null : at;
  } catch {
    return null;
  }
}

function read(value: unknown, nodes?: ValueNode): Temporal.Duration {
  try {
    return parseDuration(typeof value === 'string' ? value : '', 'Duration');
  } catch (error) {
    if (!(error instanceof InvalidInputError)) throw error;
    const { code, allowed, message } = error;
    throw new GraphQLError(message, { nodes: nodes ?? null, extensions: { code, allowed } });
  }
}
