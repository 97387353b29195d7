import { BOUNDS } from '../../domain/bounds.ts';
import {
  ConflictError,
  ForbiddenError,
  InvalidInputError,
  NotFoundError,
  TakenError,
} from '../../domain/errors.ts';
import type { OpenHours } from '../../domain/time/open-hours.ts';
import { createCalendar, setAccountCalendar, updateCalendar } from '../../rules/calendars.ts';
import { Account } from '../account/account.ts';
import { builder } from '../core/builder.ts';
import type { Context } from '../core/context.ts';
import { callOf, onceArgs } from '../core/idempotency-key.ts';
import { decodeGiven, decodeId } from '../core/ids.ts';
import { Calendar } from '../core/named.ts';
import { MAX_NAME, readName, readWhy, WHY } from '../core/text.ts';

const NAME = `1 to ${MAX_NAME} characters, unique among the account's calendars.`;
const ZONE = 'An IANA time zone, such as `Europe/Berlin`.';
const DAY = 'The day of the week, from 1 (Monday) to 7 (Sunday).';
const FROM = 'When it opens, in local time, `HH:MM`.';
const UNTIL =
  'When it closes, in local time, `HH:MM`, up to `24:00`. Write hours across midnight as two entries.';
const WEEKLY = 'The open hours of each week: 1 to 100 entries that do not overlap.';
const HOLIDAYS = 'Days on which it is closed all day, as local dates, `YYYY-MM-DD`: at most 1000.';
const MAX = { weekly: BOUNDS.weekly.max, holidays: BOUNDS.holidays.max };

const OpenTime = builder.objectRef<OpenHours['weekly'][number]>('OpenTime').implement({
  description: 'Open hours on one day of the week.',
  fields: (t) => ({
    day: t.exposeInt('day', { description: DAY }),
    from: t.exposeString('from', { description: FROM }),
    until: t.exposeString('until', { description: UNTIL }),
  }),
});
builder.objectFields(Calendar, (t) => ({
  timeZone: t.string({ description: ZONE, resolve: ({ hours }) => hours.timeZone }),
  weekly: t.field({ type: [OpenTime], description: WEEKLY, resolve: ({ hours }) => [...hours.weekly] }),
  holidays: t.stringList({ description: HOLIDAYS, resolve: ({ hours }) => [...hours.holidays] }),
}));

const OpenTimeInput = builder.inputType('OpenTimeInput', {
  description: 'Open hours on one day of the week.',
  fields: (t) => ({
    day: t.int({ required: true, description: DAY }),
    from: t.string({ required: true, description: FROM }),
    until: t.string({ required: true, description: UNTIL }),
  }),
});
const OpenHoursInput = builder.inputType('OpenHoursInput', {
  description: 'The open hours of a business (PE-8).',
  fields: (t) => ({
    timeZone: t.string({ required: true, description: ZONE }),
    weekly: t.field({ type: [OpenTimeInput], required: true, description: WEEKLY }),
    holidays: t.stringList({ required: true, defaultValue: [], description: HOLIDAYS }),
  }),
});

builder.mutationField('createCalendar', (t) =>
  t.field({
    type: Calendar,
    description: 'Creates a calendar, for channels to use (PE-8). Needs the scope `accounts:write`.',
    authScopes: { scope: 'accounts:write' },
    args: {
      name: t.arg.string({ required: true, description: NAME }),
      hours: t.arg({
        type: OpenHoursInput,
        required: true,
        description: 'The weekly hours, the holidays and the time zone.',
      }),
      ...onceArgs(),
    },
    errors: {
      types: [InvalidInputError, TakenError, ConflictError, ForbiddenError],
      union: {
        name: 'CreateCalendarResult',
        description: 'The created calendar, or the error; nothing was created then.',
      },
    },
    async resolve(_root, args, context) {
      const asked = { name: readName(args.name), hours: readHours(args.hours) };
      const call = callOf(args, 'createCalendar', asked);
      return await found(context, await createCalendar(context.deps, context.accountId, asked, call));
    },
  }),
);

builder.mutationField('updateCalendar', (t) =>
  t.field({
    type: Calendar,
    description:
      'Changes a calendar (PE-8). The change applies at once to every channel that uses it. Needs the scope `policies:write`.',
    authScopes: { scope: 'policies:write' },
    args: {
      calendarId: t.arg.id({ required: true, description: 'The calendar to change.' }),
      name: t.arg.string({ description: `${NAME} Absent: unchanged.` }),
      hours: t.arg({ type: OpenHoursInput, description: 'The new open hours. Absent: unchanged.' }),
      why: t.arg.string({ description: WHY }),
      ...onceArgs(),
    },
    errors: {
      types: [InvalidInputError, NotFoundError, TakenError, ConflictError, ForbiddenError],
      union: {
        name: 'UpdateCalendarResult',
        description: 'The changed calendar, or the error; nothing was changed then.',
      },
    },
    async resolve(_root, args, context) {
      const { accountId, actor, deps } = context;
      const calendarId = decodeId('Calendar', args.calendarId, 'calendarId');
      const changes = {
        name: args.name === null || args.name === undefined ? undefined : readName(args.name),
        hours: args.hours ? readHours(args.hours) : undefined,
      };
      const call = callOf(args, 'updateCalendar', { calendarId, ...changes });
      const author = { changedBy: actor, why: readWhy(args.why) };
      return await found(
        context,
        await deps.afterCommit(updateCalendar(deps, { accountId, author, call }, calendarId, changes)),
      );
    },
  }),
);

builder.mutationField('setAccountCalendar', (t) =>
  t.field({
    type: Account,
    description:
      'Sets the calendar of all channels without one of their own (PE-8). This is a change of rules and applies at once. Setting the present calendar changes nothing. Needs the scope `policies:write`.',
    authScopes: { scope: 'policies:write' },
    args: {
      calendarId: t.arg.id({
        description: 'The calendar. Required; null removes it, so that these channels are always open.',
      }),
      why: t.arg.string({ description: WHY }),
      ...onceArgs(),
    },
    errors: {
      types: [InvalidInputError, NotFoundError, ConflictError, ForbiddenError],
      union: {
        name: 'SetAccountCalendarResult',
        description: 'The changed account, or the error; nothing was changed then.',
      },
    },
    async resolve(_root, args, { accountId, actor, deps, load }) {
      if (args.calendarId === undefined)
        throw new InvalidInputError('calendarId', 'the id of a type Calendar, or null, is allowed');
      const calendarId = decodeGiven('Calendar', args.calendarId, 'calendarId');
      const call = callOf(args, 'setAccountCalendar', { calendarId });
      const author = { changedBy: actor, why: readWhy(args.why) };
      await deps.afterCommit(setAccountCalendar(deps, { accountId, author, call }, calendarId));
      return await load.account();
    },
  }),
);

function readHours({ timeZone, weekly, holidays }: typeof OpenHoursInput.$inferInput): OpenHours {
  for (const [field, list] of Object.entries({ weekly, holidays }))
    if (list.length > MAX[field as keyof typeof MAX])
      throw new InvalidInputError(
        `hours.${field}`,
        `at most ${MAX[field as keyof typeof MAX]} entries are allowed`,
      );
  return { timeZone, weekly: weekly.map(({ day, from, until }) => ({ day, from, until })), holidays };
}

async function found({ load }: Context, { id }: { id: string }) {
  const calendar = await load.calendar(id);
  if (calendar === null) throw new NotFoundError('calendarId', 'calendar');
  return calendar;
}
