import { isUuid } from '../../domain/uuid.ts';
import { endOfFeed, type FeedPosition, type PlacedEvent, readFeed } from '../../insight/feed.ts';
import { builder } from '../core/builder.ts';
import { cursorOf, pageArgs, readPageArgs, toConnection } from '../core/connection.ts';
import { Conversation } from './conversation.ts';
import { Event, EventConnection } from './event.ts';

const LIST = 'events';
/** Exclusive upper limits of transaction ids and revisions. */
const XIDS = 2n ** 64n;
const REVISIONS = 2 ** 31;

builder.objectField(Event, 'conversation', (t) =>
  t.field({
    type: Conversation,
    nullable: true,
    description: 'The conversation of the event in its current state; null if it is no longer stored.',
    resolve: ({ conversationId }, _args, { load }) => load.conversation(conversationId),
  }),
);

builder.queryFields((t) => ({
  events: t.field({
    type: EventConnection,
    description:
      'All events of the account in commit order (SP-12). To follow them durably, poll with the last `endCursor` as `after`: no event is skipped or repeated. A new event can take a moment to appear.',
    args: pageArgs(100),
    async resolve(_root, args, { accountId, reads }) {
      const page = readPageArgs(args, LIST, (text) => parsePosition(text) !== null);
      const after = page.after === null ? null : parsePosition(page.after);
      const rows = await readFeed(reads.sql, accountId, after, page.limit + 1);
      return toConnection<PlacedEvent>(rows, page, LIST, ({ position }) => formatPosition(position));
    },
  }),
  eventsCursor: t.string({
    description:
      'A cursor for `events` at the current end of the feed, to follow only new events. Read it first, then the conversations, then `events(after:)`.',
    async resolve(_root, _args, { reads }) {
      return cursorOf(LIST, formatPosition(await endOfFeed(reads.sql)));
    },
  }),
}));

function formatPosition({ xid, conversationId, revision }: FeedPosition): string {
  return `${xid}:${conversationId}:${revision}`;
}

/** Reads the position in a cursor; null if it is malformed. */
function parsePosition(text: string): FeedPosition | null {
  const [, xid = '', conversationId = '', digits = ''] = /^(\d{1,20}):([^:]+):(\d{1,10})$/.exec(text) ?? [];
  const revision = Number(digits);
  if (xid === '' || BigInt(xid) >= XIDS || !isUuid(conversationId) || revision >= REVISIONS) return null;
  return { xid, conversationId, revision };
}
