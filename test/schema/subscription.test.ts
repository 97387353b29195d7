import { afterAll, beforeAll, expect, it } from 'vitest';
import { createAccount } from '../../src/accounts/setup.ts';
import { type Answer, type Api, openApi } from '../http/open-api.ts';
import { HOUR } from '../support/engine.ts';
import { ensureChannel } from '../support/flows.ts';
import { subscribe } from '../support/sse.ts';

let api: Api;
beforeAll(async () => {
  api = await openApi();
  await api.engine.policy({ autoCloseAfter: 'PT2H' });
});
afterAll(() => api.close());

const ALL = 'subscription { conversationChanged { id status revision ending { reason } } }';
const ONE = 'subscription ($id: ID!) { conversationChanged(conversationId: $id) { id status revision } }';

/** Subscribes; `next` returns one event after the other, then null. */
const listen = (query: string, variables: object = {}, { to = api.server.url, as = api.key } = {}) =>
  subscribe(to, as, query, variables);
const inbound = (address: string) => ({ kind: 'INBOUND', channelId: api.channel, address });
const changeIn = async (answer: Promise<Answer | null>) => (await answer)?.data?.conversationChanged;

it('sends each conversation that an activity or a timer changes', async () => {
  const listener = await listen(ALL);
  expect(listener.type).toContain('text/event-stream');
  const [{ conversationId: id }] = await api.record(inbound('sse'));
  expect(await changeIn(listener.next())).toEqual({ id, status: 'WAITING', revision: 1, ending: null });
  await api.record({ kind: 'OUTBOUND', conversationId: id, sender: 'AGENT', agentId: api.ann });
  expect(await changeIn(listener.next())).toMatchObject({ id, status: 'ACTIVE', revision: 2 });
  await api.engine.runUntil(new Date(api.engine.clock.now().getTime() + 2 * HOUR));
  expect(await changeIn(listener.next())).toMatchObject({
    id,
    status: 'ENDED',
    revision: 3,
    ending: { reason: 'AUTO_CLOSE' },
  });
  listener.stop();
});

it('sends only the conversation that the argument names', async () => {
  const [{ conversationId: id }] = await api.record(inbound('one'));
  const listener = await listen(ONE, { id });
  await api.record(inbound('another'));
  await api.record({ kind: 'TAG', conversationId: id, add: ['x'] });
  expect(await changeIn(listener.next())).toEqual({ id, status: 'WAITING', revision: 2 });
  listener.stop();
});

it('reads many changed conversations with few statements', async () => {
  const listener = await listen(ALL);
  const before = api.statements();
  const made = await api.record(...Array.from({ length: 300 }, (_, n) => inbound(`many ${n}`)));
  const heard = new Set<string>();
  while (heard.size < 300) heard.add((await changeIn(listener.next())).id);
  expect(heard).toEqual(new Set(made.map((result: { conversationId: string }) => result.conversationId)));
  expect(api.statements() - before).toBeLessThan(30);
  listener.stop();
});

it('reads a changed conversation once for a hundred subscribers', async () => {
  const listeners = await Promise.all(Array.from({ length: 100 }, () => listen(ALL)));
  const before = api.statements();
  const [{ conversationId: id }] = await api.record(inbound('to all'));
  const heard = await Promise.all(listeners.map((listener) => changeIn(listener.next())));
  expect(new Set(heard.map((change) => change.id))).toEqual(new Set([id]));
  expect(api.statements() - before).toBeLessThan(20);
  for (const listener of listeners) listener.stop();
  await expect.poll(() => api.subscribers()).toBe(0);
});

it('sends nothing of another account and refuses its ids', async () => {
  const { deps } = api.engine;
  const other = await createAccount(deps, { name: 'other' });
  const channelId = await ensureChannel(deps, other, { name: 'web', adapter: 'web', settings: {} });
  const otherKey = await api.makeKey(['conversations:read', 'activities:write'], other);
  const mine = await listen(ALL);
  const theirs = await listen(ALL, {}, { as: otherKey });
  const input = { activities: [{ ...inbound('x'), channelId: api.id('Channel', channelId) }] };
  const recorded = await api.ask(
    'mutation ($input: RecordActivitiesInput!) { recordActivities(input: $input) { ... on RecordedActivities { results { conversationId } } } }',
    { input },
    otherKey,
  );
  const id = recorded.data.recordActivities.results[0].conversationId;
  expect(await changeIn(theirs.next())).toMatchObject({ id });
  const [{ conversationId }] = await api.record(inbound('mine'));
  expect(await changeIn(mine.next())).toMatchObject({ id: conversationId });
  const refused = await listen(ONE, { id });
  expect((await refused.next())?.errors).toMatchObject([
    { extensions: { code: 'NOT_FOUND', field: 'conversationId' } },
  ]);
  mine.stop();
  theirs.stop();
});

it('requires a key with conversations:read', async () => {
  const writer = await api.makeKey(['activities:write']);
  const refused = await listen(ALL, {}, { as: writer });
  expect((await refused.next())?.errors).toMatchObject([
    { extensions: { code: 'FORBIDDEN', scope: 'conversations:read' } },
  ]);
  expect((await listen(ALL, {}, { as: 'x' })).status).toBe(401);
  const malformed = await listen(ONE, { id: 'x' });
  expect((await malformed.next())?.errors).toMatchObject([
    { extensions: { code: 'INVALID_INPUT', field: 'conversationId' } },
  ]);
});

it('stops listening when the client disconnects', async () => {
  await expect.poll(() => api.subscribers()).toBe(0);
  const listener = await listen(ALL);
  expect(api.subscribers()).toBe(1);
  listener.stop();
  await expect.poll(() => api.subscribers()).toBe(0);
});

it('completes when the server closes', async () => {
  const closing = await openApi();
  const listener = await listen(ALL, {}, { to: closing.server.url, as: closing.key });
  expect(closing.subscribers()).toBe(1);
  const ended = listener.next();
  await closing.server.close();
  expect(await ended).toBeNull();
  expect(closing.subscribers()).toBe(0);
  await closing.engine.drop();
});
