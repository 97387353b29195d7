import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WEBHOOK_EVENTS } from '../../src/domain/closing/owed-effects.ts';
import { encodeId } from '../../src/schema/core/ids.ts';
import { at, DAY, type Engine, HOUR, MINUTE, openEngine } from '../support/engine.ts';
import { ensureChannel, rotateSecret } from '../support/flows.ts';
import { AUTHOR, openSender, openSubscriber, verified } from '../support/webhook-world.ts';

let engine: Engine;
let sender: ReturnType<typeof openSender>;
let subscriber: Awaited<ReturnType<typeof openSubscriber>>;
beforeAll(async () => {
  engine = await openEngine(at('12:00'));
  sender = openSender(engine);
});
beforeEach(async () => {
  subscriber = await openSubscriber();
});
afterEach(async () => {
  subscriber.close();
  await engine.db.sql`delete from webhook_endpoint`;
  await engine.db.sql`delete from outbox`;
});
afterAll(() => engine.drop());

let people = 0;
/** A customer writes and an agent ends the conversation; returns the conversation. */
async function ended(): Promise<string> {
  const address = `somebody ${++people}`;
  await engine.writes(address);
  const { conversationId } = await engine.does(address, { kind: 'END', by: 'AGENT', agentId: engine.ann });
  return conversationId as string;
}
const id = (call: { headers: Record<string, unknown> } | undefined) => call?.headers['webhook-id'];

describe('a webhook', () => {
  it('describes the event as it was then, with the ids of the API, and a library verifies its signature', async () => {
    const { id: endpointId, secret } = await sender.subscribe(subscriber.url, WEBHOOK_EVENTS);
    const conversationId = await ended();
    await engine.writes(`somebody ${people}`);
    await sender.relay();
    const [conversation] = await engine.db
      .sql`select contact_id from conversation where id = ${conversationId}`;
    const now = engine.clock.now().toISOString();
    const common = {
      at: now,
      conversationId: encodeId('Conversation', conversationId),
      channelId: encodeId('Channel', engine.channelId),
      contactId: encodeId('Contact', conversation?.contact_id),
    };
    const told = subscriber.calls.map((call) => verified(call, secret) as Record<string, unknown>);
    const byRevision = told.sort(
      (a, b) => Number(a.revision) - Number(b.revision) || (a.type === 'case_closed' ? 1 : -1),
    );
    const end = { revision: 2, status: 'ENDED', reason: 'COMMAND', endedBy: 'AGENT' };
    const open = { status: 'WAITING', reason: null, endedBy: null };
    expect(byRevision).toEqual([
      { type: 'conversation.started', ...common, ...open, revision: 1 },
      { type: 'conversation.ended', ...common, ...end },
      { type: 'case_closed', ...common, ...end },
      { type: 'conversation.reopened', ...common, ...open, revision: 3 },
    ]);
    expect(new Set(subscriber.calls.map(id)).size).toBe(4);
    expect((await sender.owed(endpointId)).map(({ state }) => state)).toEqual(Array(4).fill('SENT'));
  });

  it('PE-14 has the reason and the ender of the conversation, for every kind of end', async () => {
    const { secret } = await sender.subscribe(subscriber.url, ['conversation.ended']);
    const sms = await ensureChannel(engine.deps, engine.accountId, {
      name: 'texts',
      adapter: 'sms',
      settings: {},
    });
    const on = (address: string) => ({ target: { channelId: sms, address } });
    await engine.policy({ autoCloseAfter: 'PT2H', queueTimeout: true, queueTimeoutAfter: 'PT1H' });
    await engine.writes('quiet');
    await engine.answers('quiet');
    await engine.writes('queued');
    await engine.does('asked', { kind: 'START', by: 'AGENT', agentId: engine.ann });
    for (const by of ['CUSTOMER', 'SUPERVISOR', 'BOT'] as const) {
      await engine.writes(by);
      await engine.does(by, { kind: 'END', by });
    }
    await engine.apply(
      { ...on('open'), action: { kind: 'INBOUND' } },
      { ...on('open'), action: { kind: 'INBOUND', keyword: 'OPT_OUT' } as never },
      { ...on('new'), action: { kind: 'INBOUND', keyword: 'OPT_OUT' } as never },
    );
    await engine.runUntil(new Date(engine.clock.now().getTime() + 49 * HOUR));
    await sender.relay();
    const ends = await engine.db.sql`
      select id, end_reason, ended_by from conversation where account_id = ${engine.accountId} and status = 'ENDED'
        and id in (select conversation_id from outbox)`;
    const kept = ends.map((row) => [encodeId('Conversation', row.id), row.end_reason, row.ended_by]).sort();
    const told = subscriber.calls.map((call) => {
      const { conversationId, reason, endedBy } = verified(call, secret) as Record<string, string>;
      return [conversationId, reason, endedBy];
    });
    expect(told.sort()).toEqual(kept);
    expect([...new Set(kept.map(([, reason, by]) => `${reason} ${by}`))].sort()).toEqual([
      ...['AUTO_CLOSE SYSTEM', 'COMMAND BOT', 'COMMAND CUSTOMER', 'COMMAND SUPERVISOR', 'OPT_OUT CUSTOMER'],
      ...['QUEUE_TIMEOUT SYSTEM', 'UNANSWERED SYSTEM'],
    ]);
    await engine.policy({ queueTimeout: null, autoCloseAfter: null });
  });

  it('is also signed with the previous secret for 24 hours after a rotation, and not longer', async () => {
    const { id: endpointId, secret: first } = await sender.subscribe(subscriber.url, ['conversation.ended']);
    await ended();
    const { secret: second } = await rotateSecret(sender.deps, engine.accountId, endpointId, AUTHOR);
    engine.clock.advance(DAY - 1);
    await sender.relay();
    engine.clock.advance(1);
    await ended();
    await sender.relay();
    const [during, after] = subscriber.calls as [(typeof subscriber.calls)[0], (typeof subscriber.calls)[0]];
    expect(String(during.headers['webhook-signature']).split(' ')).toHaveLength(2);
    expect(verified(during, first)).toEqual(verified(during, second));
    expect(verified(after, second)).toMatchObject({ type: 'conversation.ended' });
    expect(() => verified(after, first)).toThrow('No matching signature found');
    const { secret: third } = await rotateSecret(sender.deps, engine.accountId, endpointId, AUTHOR);
    await ended();
    await sender.relay();
    expect(() => verified(subscriber.calls[2] as never, first)).toThrow();
    for (const secret of [second, third]) verified(subscriber.calls[2] as never, secret);
  });

  it('is dropped if its conversation is no longer kept', async () => {
    const { id: endpointId } = await sender.subscribe(subscriber.url, ['conversation.ended']);
    const conversationId = await ended();
    await engine.db.sql`delete from event where conversation_id = ${conversationId}`;
    await sender.relay();
    expect(await sender.owed(endpointId)).toMatchObject([
      { state: 'DROPPED', error: 'the conversation is no longer kept' },
    ]);
    expect(subscriber.calls).toEqual([]);
  });
});

describe('a failing webhook', () => {
  it('is retried under the same id with the same body, with pauses from 5 s to an hour, for two days', async () => {
    const { id: endpointId } = await sender.subscribe(subscriber.url, ['conversation.ended']);
    await ended();
    const begun = engine.clock.now().getTime();
    const waits: number[] = [];
    for (let tries = 0; tries < 100; tries++) {
      // The circuit breaker has its own tests. Here each attempt is made.
      await engine.db.sql`delete from circuit_breaker`;
      subscriber.answer = [500, 302, 404, 429][tries % 4] as number;
      await sender.relay();
      const [owed] = await sender.owed(endpointId);
      if (owed?.state !== 'PENDING') break;
      waits.push(owed?.due_at.getTime() - engine.clock.now().getTime());
      engine.clock.advance(waits.at(-1) as number);
    }
    expect(waits.slice(0, 11).map((ms) => ms / 1000)).toEqual([
      ...[5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600],
    ]);
    expect(Math.max(...waits)).toBe(HOUR);
    expect((engine.clock.now().getTime() - begun) / HOUR).toBeGreaterThan(39);
    expect((engine.clock.now().getTime() - begun) / HOUR).toBeLessThan(48);
    expect(await sender.owed(endpointId)).toMatchObject([
      { state: 'DEAD', attempts: 50, error: 'answered 302' },
    ]);
    expect(subscriber.calls).toHaveLength(50);
    expect(new Set(subscriber.calls.map((call) => `${id(call)} ${call.body}`)).size).toBe(1);
    const log = await sender.log(endpointId);
    expect(log.map(({ status }) => status).slice(0, 4)).toEqual([500, 302, 404, 429]);
    expect(new Set(log.map((row) => row.outbox_id))).toEqual(new Set([id(subscriber.calls[0])]));
  });

  it('does not follow a redirect', async () => {
    const elsewhere = await openSubscriber();
    subscriber.answer = { status: 307, headers: { location: elsewhere.url } };
    const { id: endpointId } = await sender.subscribe(subscriber.url, ['conversation.ended']);
    await ended();
    await sender.relay();
    elsewhere.close();
    expect(elsewhere.calls).toEqual([]);
    expect(await sender.log(endpointId)).toMatchObject([{ status: 307, error: 'answered 307' }]);
  });

  it.each([
    ['in seconds', '120', 120_000],
    ['as a date', 'DATE', 10 * MINUTE],
    ['sooner than it would be', '1', 5_000],
    ['in the past', 'Thu, 01 Jan 1970 00:00:00 GMT', 5_000],
    ['later than a few hours', '9999999', 6 * HOUR],
    ['as an unreadable value', 'soon', 5_000],
  ])('is retried at the time of Retry-After: %s', async (_what, retryAfter, waitMs) => {
    engine.clock.advance(1_000 - (engine.clock.now().getTime() % 1_000));
    const date = new Date(engine.clock.now().getTime() + 10 * MINUTE).toUTCString();
    subscriber.answer = {
      status: 503,
      headers: { 'retry-after': retryAfter === 'DATE' ? date : retryAfter },
    };
    const { id: endpointId } = await sender.subscribe(subscriber.url, ['conversation.ended']);
    await ended();
    await sender.relay();
    const [owed] = await sender.owed(endpointId);
    expect(owed?.due_at.getTime() - engine.clock.now().getTime()).toBe(waitMs);
  });

  it('is logged with its reason if the endpoint hangs or is not reachable', async () => {
    const impatient = openSender(engine, { withinMs: 300 });
    subscriber.answer = 'NOTHING';
    const { id: hanging } = await impatient.subscribe(subscriber.url, ['conversation.ended']);
    const { id: absent } = await impatient.subscribe('http://127.0.0.1:1/', ['conversation.ended']);
    await ended();
    await impatient.relay();
    const at = engine.clock.now();
    expect(await impatient.log(hanging)).toEqual([
      {
        outbox_id: expect.any(String),
        type: 'conversation.ended',
        at,
        took_ms: 0,
        status: null,
        error: 'no answer within 0.3 s',
      },
    ]);
    expect(await impatient.log(absent)).toMatchObject([{ status: null, error: 'no answer: ECONNREFUSED' }]);
  });

  it('disables its endpoint after the answer 410, and the rules history records it', async () => {
    subscriber.answer = 410;
    const { id: endpointId } = await sender.subscribe(subscriber.url, ['conversation.ended']);
    await ended();
    await sender.relay();
    expect(await sender.endpoint(endpointId)).toMatchObject({ disabled_at: engine.clock.now() });
    expect(await sender.owed(endpointId)).toMatchObject([
      { state: 'DEAD', error: 'answered 410: it wants no more' },
    ]);
    const [change] = await engine.db.sql`
      select kind, before, after, changed_by, why from rules_version where account_id = ${engine.accountId} order by version desc limit 1`;
    expect(change).toMatchObject({
      kind: 'ENDPOINT',
      before: { endpointId, disabledAt: null },
      after: { endpointId, disabledAt: engine.clock.now().toISOString() },
      changed_by: 'lull',
      why: 'it answered 410: it wants no more',
    });
    await ended();
    expect(await sender.owed(endpointId)).toHaveLength(1);
  });
});

describe('secrets', () => {
  it('are encrypted in the database, and appear in no log, history or stored answer', async () => {
    subscriber.answer = 500;
    const { id: endpointId, secret } = await sender.subscribe(`${subscriber.url}?key=in-the-url`, [
      'conversation.ended',
    ]);
    const { secret: second } = await rotateSecret(sender.deps, engine.accountId, endpointId, AUTHOR);
    await ended();
    await sender.relay();
    const { sql } = engine.db;
    const kept = JSON.stringify([
      ...(await sql`select * from webhook_endpoint`),
      ...(await sql`select * from rules_version`),
      ...(await sql`select * from idempotency`),
      ...(await sql`select * from outbox`),
      ...(await sql`select * from webhook_delivery`),
    ]);
    for (const each of [secret, second]) {
      expect(kept).not.toContain(each.slice('whsec_'.length));
      expect(sender.logged()).not.toContain(each.slice('whsec_'.length));
    }
    const [row] = await sql`select secret, previous_secret from webhook_endpoint where id = ${endpointId}`;
    expect([row?.secret, row?.previous_secret]).toEqual([
      expect.stringMatching(/^sealed:v1:/),
      expect.stringMatching(/^sealed:v1:/),
    ]);
    expect(JSON.stringify([...(await sql`select before, after from rules_version`)])).not.toContain(
      'in-the-url',
    );
    expect(sender.logged()).not.toContain('in-the-url');
  });
});
