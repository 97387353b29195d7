import type { Sql } from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAccount } from '../../src/accounts/setup.ts';
import { inTransaction } from '../../src/db/transaction.ts';
import { endOfFeed, type FeedPosition, type PlacedEvent, readFeed } from '../../src/insight/feed.ts';
import { type Api, openApi } from '../http/open-api.ts';
import { HOUR } from '../support/engine.ts';
import { feedCaughtUp } from '../support/feed.ts';
import { ensureChannel } from '../support/flows.ts';
import { onServer } from '../support/postgres.ts';

let api: Api;
beforeAll(async () => {
  api = await openApi();
  await api.engine.policy({ autoCloseAfter: 'PT2H' });
});
afterAll(() => api.close());

const FEED = /* GraphQL */ `
  query ($after: String, $first: Int! = 100) {
    events(after: $after, first: $first) {
      nodes { kind revision timer effect conversation { id status } }
      pageInfo { hasNextPage endCursor }
    }
  }
`;
const inbound = (address: string) => ({ kind: 'INBOUND', channelId: api.channel, address });
const caughtUp = () => feedCaughtUp(api.engine.db.sql);
const cursorNow = async () => (await api.ask('{ eventsCursor }')).data.eventsCursor as string;

describe('SP-12 the feed of the account', () => {
  it('lists the events of all conversations in commit order, closes for inactivity included', async () => {
    await caughtUp();
    const after = await cursorNow();
    const [{ conversationId: id }] = await api.record(inbound('fed'));
    await api.record({ kind: 'OUTBOUND', conversationId: id, sender: 'AGENT', agentId: api.ann });
    await api.engine.runUntil(new Date(api.engine.clock.now().getTime() + 2 * HOUR));
    await caughtUp();
    const { nodes } = (await api.ask(FEED, { after })).data.events;
    expect(nodes).toEqual([
      { kind: 'INBOUND', revision: 1, timer: null, effect: 'STARTED', conversation: { id, status: 'ENDED' } },
      { kind: 'OUTBOUND', revision: 2, timer: null, effect: null, conversation: { id, status: 'ENDED' } },
      {
        kind: 'TIMER',
        revision: 3,
        timer: 'AUTO_CLOSE',
        effect: 'ENDED',
        conversation: { id, status: 'ENDED' },
      },
    ]);
  });

  it('is read page by page, none skipped and none twice, also within what one transaction wrote', async () => {
    await caughtUp();
    const after = await cursorNow();
    const made = await api.record(...Array.from({ length: 25 }, (_, n) => inbound(`paged ${n}`)));
    await caughtUp();
    const read: string[] = [];
    let cursor = after;
    for (let more = true; more; ) {
      const { nodes, pageInfo } = (await api.ask(FEED, { after: cursor, first: 7 })).data.events;
      read.push(...nodes.map((node: { conversation: { id: string } }) => node.conversation.id));
      cursor = pageInfo.endCursor;
      more = pageInfo.hasNextPage;
    }
    expect(read).toHaveLength(25);
    expect(new Set(read)).toEqual(
      new Set(made.map((each: { conversationId: string }) => each.conversationId)),
    );
    expect((await api.ask(FEED, { after: cursor })).data.events.nodes).toEqual([]);
  });

  it('shows nothing of another account', async () => {
    await caughtUp();
    const after = await cursorNow();
    const other = await createAccount(api.engine.deps, { name: 'other' });
    await ensureChannel(api.engine.deps, other, { name: 'web', adapter: 'web', settings: {} });
    await api.record(inbound('mine'));
    await caughtUp();
    const theirs = await api.makeKey(['conversations:read'], other);
    expect((await api.ask(FEED, {}, theirs)).data.events.nodes).toEqual([]);
    expect((await api.ask(FEED, { after }, theirs)).data.events.nodes).toEqual([]);
  });

  it.each([
    ['a malformed value', 'nonsense'],
    ['a cursor of another list', Buffer.from('conversation:1').toString('base64url')],
    ['a transaction beyond 64 bits', position(`${2n ** 64n}:00000000-0000-0000-0000-000000000000:1`)],
    ['a revision beyond 32 bits', position('1:00000000-0000-0000-0000-000000000000:2147483648')],
    ['a malformed conversation id', position('1:x:1')],
  ])('refuses %s as a cursor', async (_, after) => {
    expect((await api.ask(FEED, { after })).errors).toMatchObject([
      { extensions: { code: 'INVALID_INPUT', field: 'after' } },
    ]);
  });

  it('accepts the greatest possible cursor', async () => {
    const after = position(`${2n ** 64n - 1n}:ffffffff-ffff-ffff-ffff-ffffffffffff:2147483647`);
    expect((await api.ask(FEED, { after })).data.events.nodes).toEqual([]);
  });
});

describe('SP-12 the feed, while transactions commit out of order', () => {
  /** Writes an event in a transaction of its own, which takes its number at once. */
  const write = async (sql: Sql, conversationId: string) => {
    const { accountId, channelId, clock } = api.engine;
    const at = clock.now();
    await sql`insert into event ${sql({ account_id: accountId, conversation_id: conversationId, revision: 1, kind: 'COMMENT', at, recorded_at: at, actor: 'AGENT', channel_id: channelId, status: 'ACTIVE', awaiting: 'AGENT' })}`;
  };
  const kept = { early: id(1), late: id(2), other: id(3) };

  /** Reads on from the last cursor, one event a page. */
  async function follow(from: FeedPosition): Promise<{ read: PlacedEvent[]; at: FeedPosition }> {
    const read: PlacedEvent[] = [];
    let at = from;
    for (;;) {
      const [event] = await readFeed(api.engine.db.sql, api.engine.accountId, at, 1);
      if (!event) return { read, at };
      read.push(event);
      at = event.position;
    }
  }

  it('neither skips an event that took its number first and committed last, nor repeats one', async () => {
    await caughtUp();
    const start = await endOfFeed(api.engine.db.sql);
    await onServer(api.engine.address, async (slow) => {
      await slow`begin`;
      await write(slow, kept.early);
      await onServer(api.engine.address, (fast) => write(fast, kept.late));
      // The second has committed; reading it now would skip the first for ever.
      const meanwhile = await follow(start);
      expect(meanwhile.read).toEqual([]);
      const cursorMeanwhile = await endOfFeed(api.engine.db.sql);
      await slow`commit`;
      await caughtUp();
      const then = await follow(meanwhile.at);
      expect(then.read.map((event) => event.conversationId)).toEqual([kept.early, kept.late]);
      expect((await follow(cursorMeanwhile)).read).toEqual(then.read);
      await write(slow, kept.other);
      await caughtUp();
      const last = await follow(then.at);
      expect(last.read.map((event) => event.conversationId)).toEqual([kept.other]);
    });
  });

  it('omits an event that was rolled back and does not wait for it', async () => {
    await caughtUp();
    const start = await endOfFeed(api.engine.db.sql);
    await onServer(api.engine.address, async (slow) => {
      await slow`begin`;
      await write(slow, id(4));
      await onServer(api.engine.address, (fast) => write(fast, id(5)));
      await slow`rollback`;
    });
    await caughtUp();
    expect((await follow(start)).read.map((event) => event.conversationId)).toEqual([id(5)]);
  });

  it('is read by an index', async () => {
    let plan: unknown;
    await inTransaction(api.engine.db.sql, async (tx) => {
      // With few rows the plan depends on the version of Postgres.
      await tx`insert into event (account_id, conversation_id, revision, kind, at, recorded_at, actor, channel_id, status, awaiting, xid)
          select ${api.engine.accountId}, ${id(6)}, number, 'COMMENT', now(), now(), 'AGENT', ${api.engine.channelId}, 'ACTIVE', 'AGENT',
            number::text::xid8 from generate_series(1, 20000) as number`;
      await tx`analyze event`;
      plan = await tx`explain select * from event where account_id = ${api.engine.accountId}
          and xid < pg_snapshot_xmin(pg_current_snapshot()) and xid >= ${'5'}::text::xid8
          order by xid, conversation_id, revision limit 10`;
      throw new Error('undone');
    }).catch((error: Error) => expect(error.message).toBe('undone'));
    expect(JSON.stringify(plan)).toMatch(/Presorted Key: xid.*Index Scan using event_feed/);
  });
});

function position(text: string): string {
  return Buffer.from(`events:${text}`).toString('base64url');
}

function id(n: number): string {
  return `0190a000-0000-7000-8000-00000000000${n}`;
}
