import { expect, it } from 'vitest';
import type { Changed } from '../../src/engine.ts';
import { openChangePublisher } from '../../src/jobs/change-publisher.ts';

/** A publisher that records its messages. Each is under way until `published` releases it. */
function recorded(published: () => Promise<void> = async () => {}) {
  const messages: Changed[] = [];
  const teller = openChangePublisher(async (changed) => {
    messages.push(changed);
    await published();
  });
  return { messages, teller };
}
const ids = (count: number, prefix = 'c') => Array.from({ length: count }, (_, index) => `${prefix}${index}`);

it('publishes a change at once', () => {
  const { messages, teller } = recorded();
  teller.publish({ accountId: 'a', conversationIds: ['c'] });
  expect(messages).toEqual([{ accountId: 'a', conversationIds: ['c'] }]);
});

it('coalesces changes while a message is under way, by account and without duplicates', async () => {
  const letGo = Promise.withResolvers<void>();
  const { messages, teller } = recorded(() => letGo.promise);
  for (const accountId of ['a', 'b'])
    for (const id of ['c1', 'c2', 'c3', 'c2']) teller.publish({ accountId, conversationIds: [id] });
  expect(messages.map(({ conversationIds }) => conversationIds)).toEqual([['c1'], ['c1']]);
  letGo.resolve();
  await teller.close();
  expect(messages.slice(2)).toEqual([
    { accountId: 'a', conversationIds: ['c2', 'c3'] },
    { accountId: 'b', conversationIds: ['c2', 'c3'] },
  ]);
});

it('publishes at most 500 ids in a message', async () => {
  const { messages, teller } = recorded();
  teller.publish({ accountId: 'a', conversationIds: ids(1001) });
  await teller.close();
  expect(messages.map(({ conversationIds }) => conversationIds.length)).toEqual([500, 500, 1]);
  expect(messages.flatMap(({ conversationIds }) => conversationIds)).toEqual(ids(1001));
});

it('keeps the newest 50,000 ids while the store is slow', async () => {
  const letGo = Promise.withResolvers<void>();
  const { messages, teller } = recorded(() => letGo.promise);
  teller.publish({ accountId: 'a', conversationIds: ['first'] });
  for (let part = 0; part < 60; part++)
    teller.publish({ accountId: 'a', conversationIds: ids(1000, `${part} `) });
  letGo.resolve();
  await teller.close();
  const told = messages.slice(1).flatMap(({ conversationIds }) => conversationIds);
  expect(told).toHaveLength(50_000);
  expect(told[0]).toBe('10 0');
  expect(told.at(-1)).toBe('59 999');
});

it('publishes nothing for an empty change', async () => {
  const { messages, teller } = recorded();
  teller.publish({ accountId: 'a', conversationIds: [] });
  await teller.close();
  expect(messages).toEqual([]);
});
