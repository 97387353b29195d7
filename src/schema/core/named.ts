import { type NamedRow, type NamedRows, type NamedTable, readNamedPage } from '../../insight/reads/named.ts';
import { builder } from './builder.ts';
import { pageArgs, readPageArgs, toConnection } from './connection.ts';

/** Adds a type whose objects have a name, and the query for the list of them. */
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
    id: { resolve: (row) => row.id, description: 'The global id: unique across all types, opaque.' },
    loadManyWithoutCache: (ids, context) => Promise.all(ids.map((id) => context.load[table](id))),
    fields: (t) => ({
      name: t.exposeString('name', {
        description: `The display name, unique among the account's ${listName}.`,
      }),
    }),
  });
  const connection = builder.connectionObject(
    { type: ref, name: `${name}Connection`, description: `A page of a list of ${listName}.` },
    { name: `${name}Edge`, description: `An object of type ${name} in a list, with its cursor.` },
  );
  builder.queryField(listName, (t) =>
    t.field({
      type: connection,
      description: `The ${listName} of the account, sorted by name.`,
      args: pageArgs(100),
      async resolve(_root, args, { accountId, reads }) {
        const page = readPageArgs(args, table, () => true);
        const rows = await readNamedPage(reads.sql, table, accountId, {
          after: page.after,
          limit: page.limit + 1,
        });
        return toConnection(rows, page, table, (row) => row.name);
      },
    }),
  );
  // The table determines the columns, so a row has all fields of its type.
  return ref as unknown as ReturnType<typeof builder.objectRef<NamedRows[Table]>>;
}

export const Channel = namedType(
  'Channel',
  'channel',
  'channels',
  'A configured connection to customers, such as one web chat or one phone number.',
);
export const Skill = namedType('Skill', 'skill', 'skills', 'A group of agents with a common queue.');
export const Agent = namedType('Agent', 'agent', 'agents', 'A person or a bot who answers customers.');
export const Calendar = namedType(
  'Calendar',
  'calendar',
  'calendars',
  'Business hours and holidays. Timers of its channels count open time only (PE-8).',
);
