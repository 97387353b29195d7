import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { at, DAY, type Engine, HOUR, openEngine } from '../support/engine.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine(at('12:00'));
  await engine.policy({ autoCloseAfter: 'PT2H' });
});
beforeEach(async () => {
  await engine.policy({ reopenWithin: 'P4D' });
  await engine.db.sql`update agent set online = true, capacity = null where account_id = ${engine.accountId}`;
});
afterAll(() => engine.drop());

const inMs = (ms: number) => new Date(engine.clock.now().getTime() + ms);

/** Creates a conversation with Ann that has just closed automatically, and returns its id. */
async function closed(address: string): Promise<string> {
  await engine.writes(address);
  await engine.answers(address);
  await engine.runUntil(inMs(2 * HOUR));
  const { id, status } = await engine.latest(address);
  expect(status).toBe('ENDED');
  return id;
}
const counted = async (address: string) => (await engine.conversations(address)).length;

describe('a message after the end', () => {
  it('LP-3 PE-11 starts a new conversation linked to the previous one if there is no reopen window', async () => {
    await engine.policy({ reopenWithin: 'PT0S' });
    const before = await closed('LP-3');
    engine.clock.advance(1);
    await engine.writes('LP-3', { skillId: engine.sales });
    const [old, next] = await engine.conversations('LP-3');
    expect(next).toMatchObject({
      status: 'WAITING',
      awaiting: 'AGENT',
      started_by: 'CUSTOMER',
      previous_id: before,
      skill_id: engine.sales,
      revision: 1,
    });
    expect(old).toMatchObject({ id: before, status: 'ENDED', end_reason: 'AUTO_CLOSE' });
  });

  it('SP-7 reopens the same conversation with the last agent within the window', async () => {
    const before = await closed('SP-7');
    await engine.runUntil(inMs(4 * DAY));
    expect(await engine.writes('SP-7')).toMatchObject({ outcome: 'APPLIED', conversationId: before });
    expect(await engine.latest('SP-7')).toMatchObject({
      id: before,
      status: 'ACTIVE',
      agent_id: engine.ann,
      awaiting: 'AGENT',
      ended_at: null,
      end_reason: null,
      credited_agent_id: null,
      lateness_ms: null,
    });
    expect((await engine.feed(before)).at(-1)).toMatchObject({
      kind: 'INBOUND',
      effect: 'REOPENED',
      revision: 4,
    });
  });

  it('PE-11 starts a new conversation after the window', async () => {
    const before = await closed('PE-11');
    await engine.runUntil(inMs(4 * DAY + 1));
    await engine.writes('PE-11');
    expect(await engine.latest('PE-11')).toMatchObject({ previous_id: before, status: 'WAITING' });
  });

  it('PE-11 is within the window if it was sent within it, even if reported later', async () => {
    const before = await closed('PE-11 sent');
    const sent = inMs(DAY);
    await engine.runUntil(inMs(6 * DAY));
    await engine.writes('PE-11 sent', { at: sent });
    expect(await engine.latest('PE-11 sent')).toMatchObject({ id: before, status: 'ACTIVE' });
  });

  it('PE-11 reopens a conversation that closes again once it is quiet', async () => {
    const before = await closed('again');
    await engine.runUntil(inMs(HOUR));
    await engine.writes('again');
    await engine.answers('again');
    const answered = engine.clock.now();
    await engine.runUntil(inMs(2 * HOUR));
    expect(await engine.conversations('again')).toMatchObject([
      { id: before, status: 'ENDED', ended_at: new Date(answered.getTime() + 2 * HOUR), lateness_ms: '0' },
    ]);
  });

  it('SP-7 reopens the conversation into the queue if its agent is offline', async () => {
    await closed('offline');
    await engine.db
      .sql`update agent set online = false where account_id = ${engine.accountId} and id = ${engine.ann}`;
    engine.clock.advance(1);
    await engine.writes('offline');
    expect(await engine.latest('offline')).toMatchObject({ status: 'WAITING', agent_id: null });
  });

  it('SP-7 reopens conversations with the agent up to the capacity, also in one call, and the rest in the queue', async () => {
    const addresses = ['cap 1', 'cap 2', 'cap 3'];
    for (const address of addresses) {
      await engine.writes(address);
      await engine.does(address, { kind: 'OUTBOUND', sender: 'AGENT', agentId: engine.bob });
    }
    await engine.runUntil(inMs(2 * HOUR));
    await engine.writes('still open');
    await engine.does('still open', { kind: 'OUTBOUND', sender: 'AGENT', agentId: engine.bob });
    await engine.db
      .sql`update agent set capacity = 2 where account_id = ${engine.accountId} and id = ${engine.bob}`;
    engine.clock.advance(1);
    await engine.apply(
      ...addresses.map((address) => ({
        target: { channelId: engine.channelId, address },
        action: { kind: 'INBOUND' } as const,
      })),
    );
    const reopened = await Promise.all(addresses.map((address) => engine.latest(address)));
    expect(reopened.map(({ status }) => status).sort()).toEqual(['ACTIVE', 'WAITING', 'WAITING']);
  });

  it('SP-7 also reopens a conversation that a person ended, and clears who ended it', async () => {
    await engine.writes('by hand');
    await engine.answers('by hand');
    await engine.does('by hand', { kind: 'END', by: 'SUPERVISOR', agentId: engine.bob });
    expect(await engine.latest('by hand')).toMatchObject({
      end_reason: 'COMMAND',
      ended_by: 'SUPERVISOR',
      credited_agent_id: engine.ann,
      lateness_ms: null,
    });
    engine.clock.advance(HOUR);
    await engine.writes('by hand');
    expect(await counted('by hand')).toBe(1);
    expect(await engine.latest('by hand')).toMatchObject({ status: 'ACTIVE', ended_by: null });
  });
});

describe('reopening by hand', () => {
  it('assigns the former agent and restarts every clock', async () => {
    const id = await closed('manual');
    await engine.runUntil(inMs(10 * DAY));
    const now = engine.clock.now();
    await engine.apply({ target: { conversationId: id }, action: { kind: 'REOPEN', agentId: engine.bob } });
    expect(await engine.latest('manual')).toMatchObject({
      id,
      status: 'ACTIVE',
      agent_id: engine.ann,
      awaiting: 'CONSUMER',
      last_activity_at: now,
      awaiting_since: now,
      status_since: now,
    });
    await engine.runUntil(new Date(now.getTime() + 2 * HOUR));
    expect(await engine.latest('manual')).toMatchObject({ status: 'ENDED', lateness_ms: '0' });
  });

  it('is refused if the contact has a newer conversation', async () => {
    await engine.policy({ reopenWithin: 'PT0S' });
    const old = await closed('newer');
    engine.clock.advance(1);
    await engine.writes('newer');
    const [result] = await engine.apply({ target: { conversationId: old }, action: { kind: 'REOPEN' } });
    expect(result).toMatchObject({ outcome: 'REFUSED', error: { code: 'NOT_ALLOWED', status: 'ENDED' } });
    expect((await engine.conversations('newer')).map(({ status }) => status)).toEqual(['ENDED', 'WAITING']);
  });
});
