import { afterAll, beforeAll, expect, it } from 'vitest';
import { createAccount } from '../../src/accounts/setup.ts';
import { type Api, openApi } from '../http/open-api.ts';
import { HOUR } from '../support/engine.ts';
import { feedCaughtUp } from '../support/feed.ts';
import { subscribe } from '../support/sse.ts';

let api: Api;
beforeAll(async () => {
  api = await openApi();
  await api.engine.policy({ autoCloseAfter: 'PT2H' });
});
afterAll(() => api.close());

const ENDED = /* GraphQL */ `
  subscription ($channelId: ID, $skillId: ID) {
    conversationsEnded(channelId: $channelId, skillId: $skillId) { id ending { reason by } }
  }
`;
type Ended = { id: string; ending: { reason: string; by: string } };
const listen = (variables: object = {}, key = api.key) => subscribe(api.server.url, key, ENDED, variables);
const next = async (listener: Awaited<ReturnType<typeof listen>>): Promise<Ended[]> =>
  (await listener.next())?.data?.conversationsEnded;
const inbound = (address: string, more = {}) => ({
  kind: 'INBOUND',
  channelId: api.channel,
  address,
  ...more,
});
async function begin(address: string, more = {}): Promise<string> {
  const [{ conversationId }] = await api.record(inbound(address, more));
  return conversationId;
}
const end = (conversationId: string) => api.record({ kind: 'END', conversationId, by: 'AGENT' });

it('SP-12 sends ends by timers and by commands, and no other changes', async () => {
  const listener = await listen();
  const byTimer = await begin('timer');
  await api.record({ kind: 'OUTBOUND', conversationId: byTimer, sender: 'AGENT' });
  await api.engine.runUntil(new Date(api.engine.clock.now().getTime() + 2 * HOUR));
  expect(await next(listener)).toEqual([{ id: byTimer, ending: { reason: 'AUTO_CLOSE', by: 'SYSTEM' } }]);
  const byHand = await begin('hand');
  await end(byHand);
  expect(await next(listener)).toEqual([{ id: byHand, ending: { reason: 'COMMAND', by: 'AGENT' } }]);
  listener.stop();
});

it('sends each end once despite later changes, and sends a second end of the same conversation', async () => {
  const listener = await listen();
  const id = await begin('twice');
  await end(id);
  expect(await next(listener)).toMatchObject([{ id }]);
  api.engine.clock.advance(1_000);
  await api.record({ kind: 'COMMENT', conversationId: id });
  await api.record({ kind: 'REOPEN', conversationId: id });
  await end(id);
  expect(await next(listener)).toMatchObject([{ id }]);
  const other = await begin('after');
  await end(other);
  expect(await next(listener)).toMatchObject([{ id: other }]);
  listener.stop();
});

it('sends no end from before the subscription', async () => {
  const id = await begin('before');
  await end(id);
  api.engine.clock.advance(1_000);
  const listener = await listen();
  await api.record({ kind: 'COMMENT', conversationId: id });
  const other = await begin('since');
  await end(other);
  expect(await next(listener)).toMatchObject([{ id: other }]);
  listener.stop();
});

it('sends conversations that end together in one event', async () => {
  const listener = await listen();
  const addresses = Array.from({ length: 30 }, (_, n) => `many ${n}`);
  const made = await api.record(...addresses.map((address) => inbound(address)));
  const ids = made.map((each: { conversationId: string }) => each.conversationId);
  await api.record(...ids.map((conversationId: string) => ({ kind: 'END', conversationId, by: 'BOT' })));
  const told = await next(listener);
  expect(told.map(({ id }) => id).sort()).toEqual([...ids].sort());
  listener.stop();
});

it('sends only conversations of the given skill or channel', async () => {
  const sales = await listen({ skillId: api.sales, channelId: api.channel });
  await end(await begin('no skill'));
  const wanted = await begin('sales', { skillId: api.sales });
  await end(wanted);
  expect(await next(sales)).toMatchObject([{ id: wanted }]);
  sales.stop();
});

it('sends nothing of another account and refuses its ids', async () => {
  const other = await createAccount(api.engine.deps, { name: 'other' });
  const theirs = await api.makeKey(['conversations:read'], other);
  for (const [field, type] of [
    ['skillId', api.sales],
    ['channelId', api.channel],
  ] as const) {
    const refused = await listen({ [field]: type }, theirs);
    expect((await refused.next())?.errors).toMatchObject([{ extensions: { code: 'NOT_FOUND', field } }]);
  }
  const writer = await api.makeKey(['activities:write']);
  expect((await (await listen({}, writer)).next())?.errors).toMatchObject([
    { extensions: { code: 'FORBIDDEN', scope: 'conversations:read' } },
  ]);
});

it('SP-12 the feed has the ends that a disconnected client missed', async () => {
  const { sql } = api.engine.db;
  await feedCaughtUp(sql);
  const cursor = (await api.ask('{ eventsCursor }')).data.eventsCursor;
  const listener = await listen();
  const heard = await begin('heard');
  await end(heard);
  expect(await next(listener)).toMatchObject([{ id: heard }]);
  listener.stop();
  await expect.poll(() => api.subscribers()).toBe(0);
  const missed = await begin('missed');
  await end(missed);
  await feedCaughtUp(sql);
  const again = await listen();
  const answer = await api.ask(
    'query ($after: String) { events(after: $after) { nodes { effect conversation { id } } } }',
    { after: cursor },
  );
  const ends = answer.data.events.nodes.filter(({ effect }: { effect: string }) => effect === 'ENDED');
  expect(ends.map((each: { conversation: { id: string } }) => each.conversation.id)).toEqual([heard, missed]);
  again.stop();
});
