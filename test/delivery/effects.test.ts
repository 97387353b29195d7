import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WEBHOOK_EVENTS } from '../../src/domain/closing/owed-effects.ts';
import { recordActivities } from '../../src/ingest/record-activities.ts';
import { at, depsWith, type Engine, HOUR, MINUTE, openEngine, step } from '../support/engine.ts';
import { changeRules, ensureChannel, recordPlayed } from '../support/flows.ts';

let engine: Engine;
let app: string;
beforeAll(async () => {
  engine = await openEngine(at('12:00'));
  app = await ensureChannel(engine.deps, engine.accountId, { name: 'app', adapter: 'in-app', settings: {} });
  await engine.policy({ autoCloseAfter: 'PT2H', reopenWithin: 'P1D' });
});
beforeEach(async () => {
  await engine.db.sql`delete from webhook_endpoint`;
  await engine.db.sql`delete from outbox`;
  engine.told.length = 0;
});
afterAll(() => engine.drop());

const inMs = (ms: number) => new Date(engine.clock.now().getTime() + ms);

/** Creates an endpoint that subscribes to events, on one channel or all. */
async function subscribe(
  events: readonly string[],
  channelId: string | null = null,
  disabled: Date | null = null,
) {
  const id = engine.deps.newId();
  await changeRules(
    engine.deps,
    { accountId: engine.accountId, author: { changedBy: 'test', why: null } },
    async (sql) => {
      await sql`insert into webhook_endpoint ${sql({ account_id: engine.accountId, id, url: 'https://example.com', secret: 'whsec_x', events: events as string[], channel_id: channelId, created_at: engine.clock.now(), disabled_at: disabled })}`;
      return {
        kind: 'ENDPOINT',
        channelId,
        skillId: null,
        before: null,
        after: { url: 'https://example.com' },
      };
    },
  );
  return id;
}
/** The effects owed, in the order in which they were written. */
const owed = async () =>
  await engine.db.sql`
    select outbox.kind, endpoint_id, payload->>'type' as type, payload->>'at' as at, state, revision, conversation_id
    from outbox where account_id = ${engine.accountId} order by id`;

/** A full lifecycle: started, inactivated by hand, ended by its timer, reopened. */
async function live(address: string, channelId = engine.channelId) {
  const target = { channelId, address };
  await engine.apply(
    { target, action: { kind: 'INBOUND' } },
    { target, action: { kind: 'OUTBOUND', sender: 'AGENT', agentId: engine.ann } },
    { target, action: { kind: 'INACTIVATE' } },
  );
  await engine.runUntil(inMs(24 * HOUR));
  await engine.apply({ target, action: { kind: 'INBOUND' }, at: engine.clock.now() });
  return await engine.latest(address);
}

describe('webhooks', () => {
  it('are not owed without a subscriber, neither for commands nor for timers', async () => {
    await live('nobody');
    expect(await owed()).toEqual([]);
  });

  it('are owed for each subscribed event, in the transaction of the event', async () => {
    const endpoint = await subscribe(WEBHOOK_EVENTS);
    const begun = engine.clock.now();
    const { id } = await live('all');
    const end = new Date(begun.getTime() + 24 * HOUR).toISOString();
    expect(await owed()).toMatchObject([
      { type: 'conversation.started', revision: 1, at: begun.toISOString() },
      { type: 'conversation.inactive', revision: 3 },
      { type: 'conversation.ended', revision: 4, at: end },
      { type: 'conversation.reopened', revision: 5, at: end },
    ]);
    for (const effect of await owed())
      expect(effect).toMatchObject({
        kind: 'SEND_WEBHOOK',
        endpoint_id: endpoint,
        conversation_id: id,
        state: 'PENDING',
      });
  });

  it('are owed only for ends if the endpoint subscribes only to ends, whoever made them', async () => {
    await subscribe(['conversation.ended']);
    await live('ends');
    await engine.does('ends', { kind: 'END', by: 'AGENT', agentId: engine.ann });
    expect((await owed()).map(({ type }) => type)).toEqual(['conversation.ended', 'conversation.ended']);
  });

  it('are owed for only one channel if the endpoint is limited to it, and never to a disabled endpoint', async () => {
    const mine = await subscribe(['conversation.ended'], app);
    await subscribe(['conversation.ended'], null, engine.clock.now());
    await live('elsewhere');
    expect(await owed()).toEqual([]);
    await live('here', app);
    expect(await owed()).toMatchObject([{ type: 'conversation.ended', endpoint_id: mine }]);
  });

  it('are owed to each of two subscribers, for each of many conversations', async () => {
    const endpoints = [await subscribe(['conversation.ended']), await subscribe(['conversation.ended'])];
    for (const address of ['many 1', 'many 2', 'many 3']) {
      await engine.writes(address);
      await engine.answers(address);
    }
    await engine.runUntil(inMs(2 * HOUR));
    const effects = await owed();
    expect(effects).toHaveLength(6);
    expect(new Set(effects.map((effect) => `${effect.endpoint_id} ${effect.conversation_id}`)).size).toBe(6);
    expect(new Set(effects.map((effect) => effect.endpoint_id))).toEqual(new Set(endpoints));
  });

  it('SF-5 are owed for the inactivity that is subscribed to, and not for the end', async () => {
    await subscribe(['conversation.inactive']);
    await engine.policy({ inactivate: true, inactivateAfter: 'PT10M' });
    await engine.writes('inactive');
    await engine.answers('inactive');
    await engine.runUntil(inMs(25 * HOUR));
    expect(await engine.latest('inactive')).toMatchObject({ status: 'ENDED', end_reason: 'INACTIVE' });
    expect((await owed()).map(({ type }) => type)).toEqual(['conversation.inactive']);
    await engine.policy({ inactivate: null });
  });

  it('are not owed for a recorded timeline, and its changes are not published', async () => {
    await subscribe(WEBHOOK_EVENTS);
    const target = { channelId: engine.channelId, address: 'played' };
    await recordPlayed(
      engine.deps,
      engine.accountId,
      [
        { target, action: { kind: 'INBOUND' }, at: inMs(-5 * HOUR) },
        { target, action: { kind: 'OUTBOUND', sender: 'AGENT', agentId: engine.ann }, at: inMs(-4 * HOUR) },
      ],
      engine.clock.now(),
    );
    expect(await engine.latest('played')).toMatchObject({ status: 'ENDED', end_reason: 'AUTO_CLOSE' });
    expect(await owed()).toEqual([]);
    expect(engine.told).toEqual([]);
  });
});

describe('changes after a commit', () => {
  it('are published if a conversation changed, and else are not', async () => {
    const { conversationId } = await engine.writes('told', { messageId: 'told' });
    await engine.writes('told', { messageId: 'told' });
    await engine.does('told', { kind: 'RELEASE' });
    expect(engine.told).toEqual([{ accountId: engine.accountId, conversationIds: [conversationId] }]);
    await engine.answers('told');
    engine.told.length = 0;
    await engine.runUntil(inMs(2 * HOUR));
    expect(engine.told).toEqual([{ accountId: engine.accountId, conversationIds: [conversationId] }]);
  });

  it('nudge the sender if an effect is owed, and else do not', async () => {
    let nudges = 0;
    const deps = depsWith(engine, {}, { nudgeSender: () => step(() => nudges++) });
    const inbound = (address: string) =>
      recordActivities(deps, engine.accountId, [
        { target: { channelId: engine.channelId, address }, action: { kind: 'INBOUND' } },
      ]);
    await engine.policy({ reopenWithin: 'P1D' });
    await inbound('nudge none');
    expect(nudges).toBe(0);
    await subscribe(['conversation.started']);
    await inbound('nudge one');
    expect(nudges).toBe(1);
    engine.clock.advance(MINUTE);
    await inbound('nudge one');
    expect(nudges).toBe(1);
  });
});
