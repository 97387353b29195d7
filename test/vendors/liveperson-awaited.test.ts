import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { at, DAY, type Engine, MINUTE } from '../support/engine.ts';
import { setExemptTags } from '../support/flows.ts';
import { answered, expectClosesAt, later, openLivePerson } from '../support/vendors/liveperson.ts';

let engine: Engine;
beforeEach(async () => {
  engine = await openLivePerson();
});
afterEach(() => engine.drop());

const statusOf = async (address: string) => (await engine.latest(address)).status;
const promise = (address: string, responseAt: Date | null) =>
  engine.does(address, { kind: 'MANUAL_RESPONSE_TIME', responseAt });

describe('who is awaited', () => {
  beforeEach(() => engine.policy({ autoCloseAfter: 'PT25M' }));

  it('LP-6 LP-11 one that awaits the agent is open until the protection, after 90 days', async () => {
    await engine.writes('never answered');
    await answered(engine, 'answered once');
    await engine.writes('answered once');
    await engine.jumpTo(later(at('12:00'), 90 * DAY - MINUTE));
    expect(await engine.latest('never answered')).toMatchObject({ status: 'WAITING', awaiting: 'AGENT' });
    await expectClosesAt(engine, 'answered once', later(at('12:00'), 90 * DAY), 'PROTECTION');
    expect(await engine.latest('never answered')).toMatchObject({
      ...{ status: 'ENDED', end_reason: 'PROTECTION', ended_at: later(at('12:00'), 90 * DAY) },
    });
  });

  it("LP-6 an answer starts the clock, the customer's next message stops it", async () => {
    await engine.writes('back and forth');
    await engine.jumpTo(later(at('12:00'), 10 * DAY));
    await engine.answers('back and forth');
    await engine.runUntil(later(at('12:24:59.999'), 10 * DAY));
    await engine.writes('back and forth');
    await engine.jumpTo(later(at('12:00'), 20 * DAY));
    expect(await statusOf('back and forth')).toBe('ACTIVE');
    await engine.answers('back and forth');
    await expectClosesAt(engine, 'back and forth', later(at('12:25'), 20 * DAY));
  });

  it('LP-13 returned to the queue the clock starts again and the customer is awaited still', async () => {
    await answered(engine, 'returned');
    await engine.runUntil(at('12:20'));
    await engine.does('returned', { kind: 'TO_QUEUE' });
    expect(await engine.latest('returned')).toMatchObject({
      ...{ status: 'WAITING', awaiting: 'CONSUMER', agent_id: null, last_activity_at: at('12:20') },
    });
    await expectClosesAt(engine, 'returned', at('12:45'));
  });

  it('LP-13 LP-6 returned while the agent is awaited it never closes, until 90 days after the return', async () => {
    await answered(engine, 'unanswered');
    await engine.writes('unanswered');
    await engine.runUntil(at('13:00'));
    await engine.does('unanswered', { kind: 'TO_QUEUE' });
    expect(await engine.latest('unanswered')).toMatchObject({ status: 'WAITING', awaiting: 'AGENT' });
    await expectClosesAt(engine, 'unanswered', later(at('13:00'), 90 * DAY), 'PROTECTION');
  });
});

describe('a manual response time', () => {
  beforeEach(() => engine.policy({ autoCloseAfter: 'PT2H' }));

  it('LP-7 exempts, past the time itself, until the protection', async () => {
    await answered(engine, 'promised');
    await promise('promised', at('18:00'));
    await engine.runUntil(later(at('12:00'), 30 * DAY));
    expect(await engine.latest('promised')).toMatchObject({
      ...{ status: 'ACTIVE', awaiting: 'CONSUMER', manual_response_at: at('18:00') },
    });
    await expectClosesAt(engine, 'promised', later(at('12:00'), 90 * DAY), 'PROTECTION');
  });

  it("LP-7 is cleared by the customer's next message", async () => {
    await answered(engine, 'promised');
    await promise('promised', at('18:00'));
    await engine.runUntil(at('15:00'));
    await engine.writes('promised');
    expect(await engine.latest('promised')).toMatchObject({ manual_response_at: null });
    await engine.answers('promised');
    await expectClosesAt(engine, 'promised', at('17:00'));
  });

  it("LP-7 is not cleared by the agent's next message, but by taking it back", async () => {
    await answered(engine, 'promised');
    await promise('promised', at('18:00'));
    await engine.answers('promised');
    await engine.runUntil(at('15:00'));
    expect(await statusOf('promised')).toBe('ACTIVE');
    await promise('promised', null);
    await expectClosesAt(engine, 'promised', at('17:00'));
  });

  it('LP-7 exempts nothing where the account turned the exemption off, and again where it is back on', async () => {
    await answered(engine, 'idle since noon');
    await promise('idle since noon', at('18:00'));
    await engine.runUntil(at('15:00'));
    expect(await statusOf('idle since noon')).toBe('ACTIVE');
    await engine.policy({ exemptManualResponseTime: false });
    await engine.runUntil(at('15:00'));
    expect(await engine.latest('idle since noon')).toMatchObject({
      ...{ status: 'ENDED', end_reason: 'AUTO_CLOSE', ended_at: at('15:00'), lateness_ms: '0' },
    });
    await answered(engine, 'off');
    await promise('off', at('23:00'));
    await expectClosesAt(engine, 'off', at('17:00'));
    await engine.policy({ exemptManualResponseTime: true });
    await answered(engine, 'on again');
    await promise('on again', at('23:00'));
    await engine.runUntil(later(at('17:00'), DAY));
    expect(await statusOf('on again')).toBe('ACTIVE');
  });
});

describe('the system protection', () => {
  it('LP-11 closes after 90 days what nothing else would: exempt, held, promised, awaiting the agent', async () => {
    await setExemptTags(
      engine.deps,
      { accountId: engine.accountId, author: { changedBy: 'test', why: null } },
      ['vip'],
    );
    await engine.policy({ autoCloseAfter: 'PT25M' });
    const addresses = ['exempt', 'held', 'promised', 'awaits the agent', 'all of it'];
    for (const address of addresses) await answered(engine, address);
    for (const address of ['awaits the agent', 'all of it']) await engine.writes(address);
    for (const address of ['exempt', 'all of it'])
      await engine.does(address, { kind: 'TAG', add: ['vip'], remove: [] });
    for (const address of ['promised', 'all of it']) await promise(address, at('18:00'));
    for (const address of ['held', 'all of it']) await engine.does(address, { kind: 'HOLD', until: null });
    const due = later(at('12:00'), 90 * DAY);
    await engine.jumpTo(later(due, -MINUTE));
    await engine.runUntil(later(due, -1));
    for (const address of addresses) expect(await statusOf(address), address).toBe('ACTIVE');
    await engine.runUntil(due);
    for (const address of addresses)
      expect(await engine.latest(address), address).toMatchObject({
        ...{ status: 'ENDED', end_reason: 'PROTECTION', ended_by: 'SYSTEM', ended_at: due, lateness_ms: '0' },
      });
  });
});
