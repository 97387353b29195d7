import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { at, type Engine, HOUR, MINUTE, openEngine } from '../support/engine.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine(at('12:00'));
  await engine.policy({ inactivate: true, inactivateAfter: 'PT10M' });
});
afterAll(() => engine.drop());

const inMs = (ms: number) => new Date(engine.clock.now().getTime() + ms);
const wait = (ms: number) => engine.runUntil(inMs(ms));

/** The customer writes, and Ann answers at once. Returns the time of her answer. */
async function answered(address: string): Promise<Date> {
  await engine.writes(address);
  await engine.answers(address);
  return engine.clock.now();
}

describe('customer inactivity', () => {
  it("SF-4 SF-5 runs from the agent's first message after the customer's last one; later ones do not restart it", async () => {
    const first = await answered('SF-4');
    await wait(4 * MINUTE);
    await engine.answers('SF-4');
    await wait(4 * MINUTE);
    await engine.answers('SF-4');
    await engine.runUntil(new Date(first.getTime() + 10 * MINUTE - 1));
    expect(await engine.latest('SF-4')).toMatchObject({ status: 'ACTIVE', awaiting_since: first });
    await engine.runUntil(new Date(first.getTime() + 10 * MINUTE));
    expect(await engine.latest('SF-4')).toMatchObject({
      status: 'INACTIVE',
      status_since: new Date(first.getTime() + 10 * MINUTE),
      agent_id: engine.ann,
      ended_at: null,
    });
  });

  it('SF-4 stops when the customer writes, and the next answer restarts it', async () => {
    await answered('SF-4 reply');
    await wait(9 * MINUTE);
    await engine.writes('SF-4 reply');
    await wait(20 * MINUTE);
    expect(await engine.latest('SF-4 reply')).toMatchObject({ status: 'ACTIVE', awaiting: 'AGENT' });
    await engine.answers('SF-4 reply');
    await wait(10 * MINUTE - 1);
    expect(await engine.latest('SF-4 reply')).toMatchObject({ status: 'ACTIVE' });
    await wait(1);
    expect(await engine.latest('SF-4 reply')).toMatchObject({ status: 'INACTIVE' });
  });

  it('SF-13 PE-5 is not started by a bot unless the policy treats bots as agents', async () => {
    const bot = { kind: 'OUTBOUND', sender: 'BOT' } as const;
    await engine.writes('SF-13');
    await engine.does('SF-13', { kind: 'ASSIGN', agentId: engine.ann });
    await engine.does('SF-13', bot);
    await wait(HOUR);
    expect(await engine.latest('SF-13')).toMatchObject({ status: 'ACTIVE', awaiting: 'AGENT' });
    await engine.policy({ botsAreAgents: true });
    await engine.does('SF-13', bot);
    await wait(10 * MINUTE);
    expect(await engine.latest('SF-13')).toMatchObject({ status: 'INACTIVE', awaiting: 'CONSUMER' });
    await engine.policy({ botsAreAgents: null });
  });

  it('SF-5 is an event in the feed with the due instant', async () => {
    const first = await answered('SF-5');
    await wait(HOUR);
    const { id } = await engine.latest('SF-5');
    const due = new Date(first.getTime() + 10 * MINUTE);
    expect((await engine.feed(id)).at(-1)).toMatchObject({
      kind: 'TIMER',
      timer: 'INACTIVATE',
      effect: null,
      status: 'INACTIVE',
      at: due,
      data: { due: due.toISOString() },
    });
  });
});

describe('an INACTIVE conversation', () => {
  it('SF-7 goes to the queue when the customer writes, and the agent is awaited', async () => {
    const { conversationId } = await engine.writes('SF-7');
    await engine.answers('SF-7');
    await wait(10 * MINUTE);
    const written = await engine.writes('SF-7');
    expect(written.conversationId).toBe(conversationId);
    expect(await engine.latest('SF-7')).toMatchObject({
      status: 'WAITING',
      agent_id: null,
      awaiting: 'AGENT',
      awaiting_since: null,
    });
    await wait(25 * HOUR);
    expect(await engine.latest('SF-7')).toMatchObject({ status: 'WAITING' });
  });

  it('becomes ACTIVE when an agent writes, and INACTIVE again after another 10 minutes', async () => {
    const first = await answered('agent');
    await wait(10 * MINUTE);
    await engine.answers('agent');
    expect(await engine.latest('agent')).toMatchObject({ status: 'ACTIVE', agent_id: engine.ann });
    expect((await engine.latest('agent')).awaiting_since).toEqual(new Date(first.getTime() + 10 * MINUTE));
    await wait(10 * MINUTE);
    expect(await engine.latest('agent')).toMatchObject({ status: 'INACTIVE' });
  });

  it('gets the whole inactivity time again from the agent message that made it ACTIVE', async () => {
    await answered('hours later');
    await wait(2 * HOUR);
    expect(await engine.latest('hours later')).toMatchObject({ status: 'INACTIVE' });
    await engine.answers('hours later');
    const written = engine.clock.now();
    await wait(10 * MINUTE - 1);
    expect(await engine.latest('hours later')).toMatchObject({ status: 'ACTIVE', awaiting_since: written });
    await wait(1);
    expect(await engine.latest('hours later')).toMatchObject({ status: 'INACTIVE', status_since: inMs(0) });
  });

  it('SF-8 ends 24 hours after the timer made it INACTIVE', async () => {
    const first = await answered('SF-8 timer');
    const ends = first.getTime() + 10 * MINUTE + 24 * HOUR;
    await engine.runUntil(new Date(ends - 1));
    expect(await engine.latest('SF-8 timer')).toMatchObject({ status: 'INACTIVE' });
    await engine.runUntil(new Date(ends));
    expect(await engine.latest('SF-8 timer')).toMatchObject({
      status: 'ENDED',
      end_reason: 'INACTIVE',
      former_status: 'INACTIVE',
      credited_agent_id: engine.ann,
      ended_at: new Date(ends),
      lateness_ms: '0',
    });
  });

  it.each([
    ['an agent', (): { agentId?: string } => ({ agentId: engine.ann })],
    ['automation', () => ({})],
  ])('SF-8 SF-12 ends 24 hours after %s made it INACTIVE', async (who, by) => {
    await answered(who);
    await wait(MINUTE);
    await engine.does(who, { kind: 'INACTIVATE', ...by() });
    const since = engine.clock.now();
    expect(await engine.latest(who)).toMatchObject({ status: 'INACTIVE', status_since: since });
    await engine.runUntil(new Date(since.getTime() + 24 * HOUR - 1));
    expect(await engine.latest(who)).toMatchObject({ status: 'INACTIVE' });
    await engine.runUntil(new Date(since.getTime() + 24 * HOUR));
    expect(await engine.latest(who)).toMatchObject({ status: 'ENDED', end_reason: 'INACTIVE' });
  });

  it('SF-12 can be made so by a command with the timer off, and frees the capacity of its agent', async () => {
    await engine.policy({ inactivate: false });
    await engine.db
      .sql`update agent set capacity = 1 where account_id = ${engine.accountId} and id = ${engine.bob}`;
    const byBob = { kind: 'OUTBOUND', sender: 'AGENT', agentId: engine.bob } as const;
    await engine.writes('last');
    await engine.does('last', byBob);
    await engine.does('last', { kind: 'END', by: 'AGENT', agentId: engine.bob });
    await engine.writes('busy');
    await engine.does('busy', byBob);
    await engine.does('busy', { kind: 'INACTIVATE', agentId: engine.bob });
    await engine.writes('last');
    expect(await engine.latest('last')).toMatchObject({ status: 'ACTIVE', agent_id: engine.bob });
    await engine.policy({ inactivate: true });
  });
});

describe('a conversation that the business started', () => {
  it('SF-9 ends 48 hours after the first message without a reply', async () => {
    await engine.does('SF-9', { kind: 'START', by: 'AGENT', agentId: engine.ann });
    const began = engine.clock.now();
    await wait(47 * HOUR);
    await engine.answers('SF-9');
    await engine.runUntil(new Date(began.getTime() + 48 * HOUR - 1));
    expect(await engine.latest('SF-9')).toMatchObject({ status: 'NEW' });
    await engine.runUntil(new Date(began.getTime() + 48 * HOUR));
    expect(await engine.latest('SF-9')).toMatchObject({
      status: 'ENDED',
      end_reason: 'UNANSWERED',
      former_status: 'NEW',
      lateness_ms: '0',
    });
  });

  it('SF-9 does not end for lack of a reply once the customer has replied', async () => {
    await engine.does('SF-9 reply', { kind: 'START', by: 'AUTOMATION' });
    await wait(47 * HOUR);
    await engine.writes('SF-9 reply');
    await wait(3 * HOUR);
    expect(await engine.latest('SF-9 reply')).toMatchObject({ status: 'WAITING', awaiting: 'AGENT' });
  });
});
