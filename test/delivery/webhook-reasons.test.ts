import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { MIGRATIONS } from '../../src/db/migrate.ts';
import { encodeId } from '../../src/schema/core/ids.ts';
import { at, type Engine, openEngine } from '../support/engine.ts';
import { ensureChannel } from '../support/flows.ts';
import { openSender, openSubscriber, verified } from '../support/webhook-world.ts';

let engine: Engine;
let sender: ReturnType<typeof openSender>;
let subscriber: Awaited<ReturnType<typeof openSubscriber>>;
let secret: string;
let app: string;
beforeAll(async () => {
  engine = await openEngine(at('12:00'), { profile: 'SALESFORCE' });
  sender = openSender(engine);
  subscriber = await openSubscriber();
  ({ secret } = await sender.subscribe(subscriber.url, ['conversation.ended']));
  const channel = { name: 'app', adapter: 'in-app', settings: {} };
  app = await ensureChannel(engine.deps, engine.accountId, channel);
});
afterAll(async () => {
  subscriber.close();
  await engine.drop();
});

const does = (address: string, action: Parameters<Engine['does']>[1]) =>
  engine.apply({ target: { channelId: app, address }, action });
/** Reason and ender of the first conversation of an address: in the webhook, and in its row. */
async function toldAndKept(address: string) {
  subscriber.calls.length = 0;
  await sender.relay();
  const [first] = await engine.conversations(address);
  const told = subscriber.calls
    .map((call) => verified(call, secret) as Record<string, unknown>)
    .filter(({ conversationId }) => conversationId === encodeId('Conversation', first?.id));
  expect(told).toHaveLength(1);
  return [
    [told[0]?.reason, told[0]?.endedBy],
    [first?.end_reason, first?.ended_by],
  ];
}

it('SF-6 a webhook has the reason SUPERSEDED if the conversation continues in a new one', async () => {
  await does('superseded', { kind: 'INBOUND' });
  await does('superseded', { kind: 'OUTBOUND', sender: 'AGENT', agentId: engine.ann });
  await does('superseded', { kind: 'INACTIVATE', agentId: engine.ann });
  await does('superseded', { kind: 'OUTBOUND', sender: 'AGENT', agentId: engine.ann });
  const superseded = ['SUPERSEDED', 'SYSTEM'];
  expect(await toldAndKept('superseded')).toEqual([superseded, superseded]);
});

it('SF-10 a webhook has the reason NOTIFICATION for a notification', async () => {
  await does('notified', { kind: 'START', by: 'AUTOMATION' });
  const notification = ['NOTIFICATION', 'SYSTEM'];
  expect(await toldAndKept('notified')).toEqual([notification, notification]);
});

it('SF-11 a webhook has the reason OPT_OUT, with or without an earlier conversation', async () => {
  const optOut = ['OPT_OUT', 'CUSTOMER'];
  await does('stops at once', { kind: 'INBOUND', text: 'stop' });
  expect(await toldAndKept('stops at once')).toEqual([optOut, optOut]);
  await does('stops', { kind: 'INBOUND' });
  await does('stops', { kind: 'INBOUND', text: 'stop' });
  expect(await toldAndKept('stops')).toEqual([optOut, optOut]);
});

it('LL-2 a webhook of a revoked end still has the reason of the end', async () => {
  const [started] = await does('undone', { kind: 'START', by: 'AGENT', agentId: engine.ann });
  const notYet = new Date(engine.clock.now().getTime() + 48 * 60 * 60_000);
  await engine.runUntil(notYet);
  const [ended] = await engine.conversations('undone');
  expect(ended).toMatchObject({ id: started?.conversationId, status: 'ENDED', end_reason: 'UNANSWERED' });
  engine.clock.advance(60_000);
  await engine.apply({
    target: { channelId: app, address: 'undone' },
    action: { kind: 'INBOUND' },
    at: new Date(notYet.getTime() - 1_000),
  });
  const [conversation] = await engine.conversations('undone');
  expect(conversation).toMatchObject({ status: 'WAITING', end_reason: null });
  const [told, kept] = await toldAndKept('undone');
  expect([told, kept]).toEqual([
    ['UNANSWERED', 'SYSTEM'],
    [null, null],
  ]);
});

it('the migration gives older events the reason that new events store at the end', async () => {
  await does('ended by Ann', { kind: 'INBOUND' });
  await does('ended by Ann', { kind: 'END', by: 'AGENT', agentId: engine.ann });
  const { sql } = engine.deps.db;
  const read = () =>
    sql<{ data: { endReason: string } }[]>`
      select data from event where account_id = ${engine.accountId} and effect = 'ENDED'
      order by conversation_id, revision`;
  const stored = [...(await read())];
  const reasons = new Set(stored.map(({ data }) => data.endReason));
  expect(reasons).toEqual(new Set(['SUPERSEDED', 'NOTIFICATION', 'OPT_OUT', 'UNANSWERED', 'COMMAND']));
  await sql`update event set data = nullif(data - 'endReason', '{}') where effect = 'ENDED'`;
  const [folder] = readdirSync(MIGRATIONS).filter((name) => name.endsWith('end-reason-in-event'));
  await sql.unsafe(readFileSync(join(MIGRATIONS, String(folder), 'migration.sql'), 'utf8'));
  expect([...(await read())]).toEqual(stored);
});
