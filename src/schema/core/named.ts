import { type NamedRow, type NamedRows, type NamedTable, readNamedPage } from '../../insight/reads.ts';
import { builder } from './builder.ts';
import { pageArgs, readPageArgs, toConnection } from './connection.ts';

/** Adds a type that is known by its name, and the list of an account's. */
function namedType<Name extends 'Agent' | 'Calendar' | 'Channel' | 'Skill', Table extends NamedTable>(
  name: Name,
  table: Table,
  listName: string,
  description: string,
) {
  const ref = builder.objectRef<NamedRow>(name);
  builder.node(ref, {
    name,
    description,
    id: { resolve: (row) => row.id, description: 'Unique over all types.' },
    loadManyWithoutCache: (ids, context) => Promise.all(ids.map((id) => context.load[table](id))),
    fields: (t) => ({
      name: t.exposeString('name', { description: 'For people; unique among its kind in the account.' }),
    }),
  });
  const connection = builder.connectionObject(
    { type: ref, name: `${name}Connection`, description: `A page of a list of type ${name}.` },
    { name: `${name}Edge`, description: 'One of a list, with its cursor.' },
  );
  builder.queryField(listName, (t) =>
    t.field({
      type: connection,
      description: `The account's ${listName}, by name.`,
      args: pageArgs(100),
      async resolve(_root, args, { accountId, reads }) {
        const page = readPageArgs(args, table, () => true);
        const rows = await readNamedPage(reads.sql, table, accountId, page.after, page.limit + 1);
        return toConnection(rows, page, table, (row) => row.name);
      },
    }),
  );
  // Every row is read with all that its type shows.
  return ref as unknown as ReturnType<typeof builder.objectRef<NamedRows[Table]>>;
}

export const Channel = namedType(
  'Channel',
  'channel',
  'channels',
  'A configured way to reach customers, such as a web chat.',
);
export const Skill = namedType('Skill', 'skill', 'skills', 'A group of agents and the queue before them.');
export const Agent = namedType('Agent', 'agent', 'agents', 'A person or a bot who answers.');
export const Calendar = namedType(
  'Calendar',
  'calendar',
  'calendars',
  'Open hours and holidays, which channels run their timers on (PE-8).',
);
