import { afterAll, beforeAll, expect, it } from 'vitest';
import { receive } from '../../src/ingest/receive-webhook.ts';
import { at, type Engine, openEngine } from '../support/engine.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine(at('12:00'));
});
afterAll(() => engine.drop());

it('an event that the database cannot store does not affect the others', async () => {
  const message = { kind: 'MESSAGE', sentAt: at('11:59'), text: 'hello' } as const;
  const received = await receive(engine.deps, engine.accountId, engine.channelId, {
    events: [
      { ...message, providerMessageId: 'm1', address: 'good' },
      { ...message, providerMessageId: 'm2\0', address: 'nul' },
      { ...message, providerMessageId: 'm3', address: 'half \ud800' },
      { ...message, providerMessageId: 'm4', address: 'x'.repeat(257) },
      { ...message, providerMessageId: 'm5', address: 'also good' },
    ],
    ...{ ignored: 0, malformed: [] },
  });
  expect(received).toMatchObject({ applied: 2, duplicates: 0 });
  expect(received.faults.map(({ field }) => field)).toEqual(['providerMessageId', 'address', 'address']);
  expect(await engine.latest('good')).toMatchObject({ status: 'WAITING' });
  expect(await engine.latest('also good')).toMatchObject({ status: 'WAITING' });
});

it('SF-13 PE-5 a message by an agent of kind BOT counts as a bot message even if reported as an agent message', async () => {
  await engine.policy({ inactivate: true, inactivateAfter: 'PT5M' });
  const { sql } = engine.db;
  const bot = engine.deps.newId();
  await sql`insert into agent ${sql({ account_id: engine.accountId, id: bot, name: 'robo', kind: 'BOT', online: true, capacity: null })}`;
  await engine.writes('talks to a bot');
  await engine.does('talks to a bot', { kind: 'OUTBOUND', sender: 'AGENT', agentId: bot });
  expect(await engine.latest('talks to a bot')).toMatchObject({ status: 'WAITING', awaiting: 'AGENT' });
  const feed = await engine.feed((await engine.latest('talks to a bot')).id);
  expect(feed.at(-1)).toMatchObject({ actor: 'BOT', agent_id: bot });
  await engine.answers('talks to a bot');
  expect(await engine.latest('talks to a bot')).toMatchObject({ status: 'ACTIVE', awaiting: 'CONSUMER' });
});

it('a late report that the customer left an earlier conversation does not end the current one', async () => {
  await engine.policy({ reopenWithin: 'PT0S' });
  const address = 'left twice';
  const leave = (providerEventId: string, when: Date) =>
    receive(engine.deps, engine.accountId, engine.channelId, {
      events: [{ kind: 'LEAVE', providerEventId, address, at: when }],
      ...{ ignored: 0, malformed: [] },
    });
  await engine.writes(address);
  const then = engine.clock.now();
  engine.clock.advance(60_000);
  await engine.does(address, { kind: 'END', by: 'AGENT' });
  engine.clock.advance(60_000);
  await engine.writes(address);
  expect(await leave('late', then)).toMatchObject({ applied: 0, ignored: 1, faults: [] });
  expect(await engine.latest(address)).toMatchObject({ status: 'WAITING' });
  expect(await leave('in time', engine.clock.now())).toMatchObject({ applied: 1 });
  expect(await engine.latest(address)).toMatchObject({ status: 'ENDED', ended_by: 'CUSTOMER' });
});
