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
import { MAX_NAME, readName, readWhy } from '../core/text.ts';

const NAME = `1 to ${MAX_NAME} characters, unique among the account's calendars.`;
const ZONE = 'An IANA time zone, such as `Europe/Berlin`.';
const DAY = 'Of the week, from 1 (Monday) to 7 (Sunday).';
const FROM = 'When it opens, local time, `HH:MM`.';
const UNTIL = 'When it closes, local time, `HH:MM`, up to `24:00`. Hours over midnight are two entries.';
const WEEKLY = 'When it is open, week by week: 1 to 100 entries, none over another.';
const HOLIDAYS = 'Local dates, `YYYY-MM-DD`, on which it is closed all day: up to 1000.';
const MAX = { weekly: BOUNDS.weekly.max, holidays: BOUNDS.holidays.max };

const OpenTime = builder.objectRef<OpenHours['weekly'][number]>('OpenTime').implement({
  description: 'A time of a day of the week at which a business is open.',
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
  description: 'A time of a day of the week at which a business is open.',
  fields: (t) => ({
    day: t.int({ required: true, description: DAY }),
    from: t.string({ required: true, description: FROM }),
    until: t.string({ required: true, description: UNTIL }),
  }),
});
const OpenHoursInput = builder.inputType('OpenHoursInput', {
  description: 'When a business is open (PE-8).',
  fields: (t) => ({
    timeZone: t.string({ required: true, description: ZONE }),
    weekly: t.field({ type: [OpenTimeInput], required: true, description: WEEKLY }),
    holidays: t.stringList({ required: true, defaultValue: [], description: HOLIDAYS }),
  }),
});

builder.mutationField('createCalendar', (t) =>
  t.field({
    type: Calendar,
    description: 'Makes a calendar, for channels to run on (PE-8). Needs the scope `accounts:write`.',
    authScopes: { scope: 'accounts:write' },
    args: {
      name: t.arg.string({ required: true, description: NAME }),
      hours: t.arg({ type: OpenHoursInput, required: true, description: 'When it is open.' }),
      ...onceArgs(),
    },
    errors: {
      types: [InvalidInputError, TakenError, ConflictError, ForbiddenError],
      union: { name: 'CreateCalendarResult', description: 'The calendar, or why there is none.' },
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
      'Changes a calendar, in force at once for every channel that runs on it (PE-8). Needs the scope `policies:write`.',
    authScopes: { scope: 'policies:write' },
    args: {
      calendarId: t.arg.id({ required: true, description: 'The calendar.' }),
      name: t.arg.string({ description: `${NAME} Absent: it stays.` }),
      hours: t.arg({ type: OpenHoursInput, description: 'When it is open; absent: that stays.' }),
      why: t.arg.string({ description: 'Kept in the history of the rules: up to 1000 characters.' }),
      ...onceArgs(),
    },
    errors: {
      types: [InvalidInputError, NotFoundError, TakenError, ConflictError, ForbiddenError],
      union: { name: 'UpdateCalendarResult', description: 'The calendar, or why nothing was changed.' },
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
      "Chooses the calendar of the account: what every channel without one of its own runs on (PE-8). A change of rules, in force at once. The account's already: nothing changes. Needs the scope `policies:write`.",
    authScopes: { scope: 'policies:write' },
    args: {
      calendarId: t.arg.id({
        description: 'The calendar; null, which has to be said: none, so that there it is always open.',
      }),
      why: t.arg.string({ description: 'Kept in the history of the rules: up to 1000 characters.' }),
      ...onceArgs(),
    },
    errors: {
      types: [InvalidInputError, NotFoundError, ConflictError, ForbiddenError],
      union: {
        name: 'SetAccountCalendarResult',
        description: 'The account as it then stands, or why nothing was changed.',
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
