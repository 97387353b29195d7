/** What each scenario measures and its baseline, for the page of results. */
export const ABOUT: Readonly<Record<string, string>> = {
  start:
    'The whole service, API and worker, with its built-in Postgres, from the start of the process until `/ready` says yes. The first start also makes the database: initdb, migrations, the tables of the queue. Not in it: npm. Memory is what is held after ten seconds without a call; what processes share counts once.',
  explain:
    'Every statement of a wake, explained with its real parameters, as custom and as generic plan. None may read a growing table from end to end.',
  lists: 'Pages of open conversations in every order, within the process: time, statements, plans.',
  reads:
    'A page of 20 conversations over HTTP, each with `due`, `endsAt`, `closing` and its agent. The API is a process of its own, and so is what calls it. The floor is a yoga with the same schema, limits and server whose rows are ready in memory: it knows no keys and asks no database.',
  'rules-change':
    'A change of the threshold: the mutation, and until it is in force in every lane. Against it: the same change where every conversation has its deadline stored.',
  footprint: 'What the queue holds for the open conversations, against a delayed job for each of them.',
  ingest:
    'Messages on open conversations, within the process. The floor is plain SQL that writes the same rows for callers who know beforehand what is to be written. Against it also: a delayed job for each conversation, removed and added at every message.',
  'ingest-http':
    'The same messages over GraphQL, 500 a call: parsed, checked, recorded, answered one by one. The API is a process of its own, and so is what calls it. Against it: the same calls of `apply` within this process.',
  lateness: 'How late conversations close that fall due one by one in all lanes, 200 a second.',
  'snapshot-probe': 'A probe of a lane while another session holds a snapshot through minutes of traffic.',
  close:
    'Conversations of 200 lanes that fall due at once, as when a threshold is lowered, with their events and what is owed to subscribers. The floor is plain SQL that writes the same rows. Against it also: one job a conversation, row by row, in separate statements.',
  neighbours:
    'What an account feels that does little, and how late its conversations close, while another with very many conversations does what takes much, one thing after the other. The whole service is one process with its defaults, called over HTTP alone; who attacks and what providers do are processes of their own.',
  burst: 'Very many conversations due at once in one account while another has one due.',
};
