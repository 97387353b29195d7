import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSkill } from '../../src/accounts/agents-and-skills.ts';
import { openDatabase } from '../../src/db/client.ts';
import { inTransaction } from '../../src/db/transaction.ts';
import { at, type Engine, HOUR, openEngine } from '../support/engine.ts';
import { ensureChannel } from '../support/flows.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine(at('12:00'));
  await engine.policy({ autoCloseAfter: 'PT2H' });
});
afterAll(() => engine.drop());

const inMs = (ms: number) => new Date(engine.clock.now().getTime() + ms);
const inbound = (address: string, messageId: string) =>
  ({ target: { channelId: engine.channelId, address }, action: { kind: 'INBOUND' }, messageId }) as const;

describe('a message that is reported again', () => {
  it('in the same call is a duplicate, not an error', async () => {
    const results = await engine.apply(inbound('same call', 'm1'), inbound('same call', 'm1'));
    const { id, revision } = await engine.latest('same call');
    expect(results).toEqual([
      { outcome: 'APPLIED', conversationId: id, error: null },
      { outcome: 'DUPLICATE', conversationId: id, error: null },
    ]);
    expect(revision).toBe(1);
  });

  it('in a later call is a duplicate, and restarts no clock', async () => {
    const first = await engine.writes('later call', { messageId: 'm2' });
    const written = engine.clock.now();
    engine.clock.advance(HOUR);
    expect(await engine.writes('later call', { messageId: 'm2' })).toEqual({
      ...first,
      outcome: 'DUPLICATE',
    });
    expect(await engine.latest('later call')).toMatchObject({ revision: 1, last_activity_at: written });
    expect(await engine.feed(first.conversationId as string)).toHaveLength(1);
  });

  it('after the end neither reopens the conversation nor starts a new one', async () => {
    await engine.writes('ended', { messageId: 'm3' });
    await engine.answers('ended', { messageId: 'm4' });
    await engine.runUntil(inMs(2 * HOUR));
    const { id } = await engine.latest('ended');
    for (const messageId of ['m3', 'm4'])
      expect(await engine.writes('ended', { messageId })).toMatchObject({
        outcome: 'DUPLICATE',
        conversationId: id,
      });
    expect(await engine.conversations('ended')).toMatchObject([{ status: 'ENDED', revision: 3 }]);
  });

  it('by another contact of the channel is also a duplicate, and creates no contact', async () => {
    const first = await engine.writes('one', { messageId: 'm5' });
    expect(await engine.writes('other', { messageId: 'm5' })).toEqual({ ...first, outcome: 'DUPLICATE' });
    const [a, b] = await engine.apply(inbound('third', 'm6'), inbound('fourth', 'm6'));
    expect([a?.outcome, b?.outcome]).toEqual(['APPLIED', 'DUPLICATE']);
    const contacts = await engine.db.sql`select address from contact where address in ('other', 'fourth')`;
    expect(contacts).toEqual([]);
  });

  it('on another channel is a separate message', async () => {
    const app = await ensureChannel(engine.deps, engine.accountId, {
      name: 'app',
      adapter: 'in-app',
      settings: {},
    });
    await engine.writes('web', { messageId: 'm7' });
    const target = { channelId: app, address: 'app' };
    const [result] = await engine.apply({ target, action: { kind: 'INBOUND' }, messageId: 'm7' });
    expect(result).toMatchObject({ outcome: 'APPLIED' });
  });

  it('is also a duplicate when it is outbound', async () => {
    await engine.writes('outbound');
    await engine.answers('outbound', { messageId: 'm8' });
    engine.clock.advance(HOUR);
    expect(await engine.answers('outbound', { messageId: 'm8' })).toMatchObject({ outcome: 'DUPLICATE' });
    expect(await engine.latest('outbound')).toMatchObject({ revision: 2 });
  });

  it('without an id is not a duplicate', async () => {
    await engine.writes('no id');
    expect(await engine.writes('no id')).toMatchObject({ outcome: 'APPLIED' });
    expect(await engine.latest('no id')).toMatchObject({ revision: 2 });
  });

  it('is applied if it was refused before', async () => {
    const ahead = { at: inMs(2 * HOUR), messageId: 'm9' };
    expect(await engine.writes('refused', ahead)).toMatchObject({ outcome: 'REFUSED' });
    engine.clock.advance(2 * HOUR);
    expect(await engine.writes('refused', ahead)).toMatchObject({ outcome: 'APPLIED' });
  });
});

it('a call fails as unavailable and changes nothing when another transaction is inserting the same name for too long', async () => {
  const impatient = openDatabase(engine.address, { connections: 1 });
  await impatient.sql`set lock_timeout = '50ms'`;
  const letGo = Promise.withResolvers<void>();
  const taken = Promise.withResolvers<void>();
  const other = inTransaction(engine.db.sql, async (sql) => {
    await sql`insert into skill ${sql({ account_id: engine.accountId, id: engine.deps.newId(), name: 'busy' })}`;
    taken.resolve();
    await letGo.promise;
    throw new Error('taken back');
  });
  await taken.promise;
  const call = { key: 'busy', request: 'busy' };
  const make = (deps: typeof engine.deps) => createSkill(deps, engine.accountId, 'busy', call);
  await expect(make({ ...engine.deps, db: impatient })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  letGo.resolve();
  await expect(other).rejects.toThrow('taken back');
  await impatient.close();
  expect(await make(engine.deps)).toEqual({ id: expect.any(String) });
});
