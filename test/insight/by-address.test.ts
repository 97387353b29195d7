import type { Sql, TransactionSql } from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { explainStatement, PLANS } from '../../bench/explain-statement.ts';
import { inTransaction } from '../../src/db/transaction.ts';
import { recordActivities } from '../../src/ingest/record-activities.ts';
import { readNewestConversations } from '../../src/insight/command-reads.ts';
import type { ConversationFilter } from '../../src/insight/lists/conversation-filter.ts';
import { readFew } from '../../src/insight/lists/lane-pages.ts';
import { readContactAt } from '../../src/insight/reads/contacts.ts';
import { readConversationPage } from '../../src/insight/reads/conversation-page.ts';
import { DAY, type Engine, openEngine } from '../support/engine.ts';
import { ensureChannel } from '../support/flows.ts';

/** Set ADDRESS_ROWS to explain at another scale. */
const CONTACTS = Number(process.env.ADDRESS_ROWS ?? 20_000);
const CHANNELS = 20;

let engine: Engine;
const channels: string[] = [];
beforeAll(async () => {
  engine = await openEngine();
  const { db, accountId, deps } = engine;
  for (let index = 0; index < CHANNELS; index++)
    channels.push(
      await ensureChannel(deps, accountId, { name: `channel ${index}`, adapter: 'web', settings: {} }),
    );
  // The account's contacts, each with an open conversation on one of the channels.
  await db.sql`
    with made as (
      select gen_random_uuid() as contact, gen_random_uuid() as id, (${channels}::uuid[])[1 + n % ${CHANNELS}::int] as channel, n
      from generate_series(1, ${CONTACTS}) as n
    ), contacts as (
      insert into contact (account_id, id, channel_id, address, latest_conversation_id)
      select ${accountId}, contact, channel, 'filler ' || n, id from made
    )
    insert into conversation (account_id, id, contact_id, channel_id, lane_id, status, awaiting, held, tags, stage, overflowed,
      started_by, started_at, last_activity_at, status_since, newest_at, placed_at, revision)
    select ${accountId}, id, contact, channel, channel, 'WAITING', 'AGENT', false, '{}', 0, false, 'CUSTOMER', now(), now(), now(), now(), now(), 1
    from made`;
  // One address with four conversations on one channel, and one on another.
  for (let time = 0; time < 4; time++) {
    await engine.writes('+31600000001');
    if (time < 3) await engine.does('+31600000001', { kind: 'END', by: 'AGENT' });
    engine.clock.advance(60 * DAY);
  }
  await recordActivities(engine.deps, engine.accountId, [
    { target: { channelId: channels[0] as string, address: '+31600000001' }, action: { kind: 'INBOUND' } },
  ]);
  await db.sql`analyze contact, conversation, channel`;
});
afterAll(() => engine.drop());

/** The statement that a read sends. */
async function statementOf(read: (sql: Sql) => Promise<unknown>): Promise<[string, unknown[]]> {
  const sent: [string, unknown[]][] = [];
  await read({
    async unsafe(text: string, values: unknown[]) {
      sent.push([text, values]);
      return [];
    },
  } as never);
  return sent[0] as [string, unknown[]];
}

const page = (filter: ConversationFilter) => (sql: Sql) =>
  readConversationPage(sql, engine.accountId, { filter, direction: 'DESC', after: null, limit: 21 });
const address = '+31600000001';

describe('an address', () => {
  it('selects the conversations of its contacts on every channel, or on one, ended ones included', async () => {
    const found = async (filter: ConversationFilter) =>
      (await page(filter)(engine.db.sql)).conversations.map(({ channelId }) => channelId);
    const own = engine.channelId;
    expect(await found({ address })).toEqual([channels[0], own, own, own, own]);
    expect(await found({ address, channelId: own })).toEqual([own, own, own, own]);
    expect(await found({ address, statuses: ['WAITING'] })).toEqual([channels[0], own]);
    expect(await found({ address: '+3160000000' })).toEqual([]);
  });

  it.each([
    [
      'the contact',
      (sql: Sql) => readContactAt(sql, engine.accountId, { channelId: engine.channelId, address }),
    ],
    ['conversations on every channel', page({ address })],
    ['conversations on one channel', (sql: Sql) => page({ address, channelId: engine.channelId })(sql)],
    ['conversations of an unknown address', page({ address: 'nobody' })],
    ['open conversations', (sql: Sql) => readFew(sql, engine.accountId, { address })],
    [
      'the list of the command',
      (sql: Sql) => readNewestConversations(sql, engine.accountId, { address }, 20),
    ],
  ])('finds %s by keys, however many contacts there are', async (_what, read) => {
    const [text, values] = await statementOf(read);
    await inTransaction(engine.db.sql, async (sql: TransactionSql) => {
      for (const plan of PLANS) {
        const { scanned, indexes, buffers, ms } = await explainStatement(sql, 'read', text, values, plan);
        if (process.env.ADDRESS_ROWS) console.log(_what, plan, indexes.join(' '), scanned, buffers, ms);
        expect(scanned.filter((table) => table !== 'channel' && table !== 'account')).toEqual([]);
        const allowed = ['account_pkey', 'channel_name', 'channel_pkey', 'contact_address'];
        allowed.push('conversation_open_contact', 'conversation_pkey');
        expect(indexes.filter((index) => !allowed.includes(index))).toEqual([]);
        expect(indexes).toContain('contact_address');
        expect(buffers).toBeLessThan(20 * CHANNELS);
      }
    });
  });
});
