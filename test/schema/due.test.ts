import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Api, openApi } from '../http/open-api.ts';
import { at, DAY, HOUR, MINUTE } from '../support/engine.ts';

let api: Api;
beforeAll(async () => {
  api = await openApi(at('12:00'));
});
afterAll(() => api.close());

const one = async (query: string, globalId: string) =>
  (await api.ask(`query ($id: ID!) { conversation(id: $id) { ${query} } }`, { id: globalId })).data
    .conversation;
/** Creates an answered conversation, whose auto close timer runs. */
async function answered(address: string, more: Record<string, unknown> = {}): Promise<string> {
  const where = { channelId: api.channel, address };
  const [{ conversationId }] = await api.record(
    { kind: 'INBOUND', ...where, ...more },
    { kind: 'OUTBOUND', ...where, sender: 'AGENT', agentId: api.ann },
  );
  return conversationId;
}
const DUE =
  'status setAside due { at timer willDo endReason origin { scope version clamped } } endsAt ending { reason by at latenessMs rulesVersion creditedAgent { name } }';
const later = (instant: Date, ms: number) => new Date(instant.getTime() + ms).toISOString();

describe('due and endsAt', () => {
  it('PE-1 give the next timer, its time and the policy layer that set it', async () => {
    const id = await answered('due');
    const now = api.engine.clock.now();
    expect(await one(DUE, id)).toEqual({
      status: 'ACTIVE',
      setAside: false,
      due: {
        at: later(now, 90 * DAY),
        timer: 'AUTO_CLOSE',
        willDo: 'END',
        endReason: 'AUTO_CLOSE',
        origin: { scope: 'PROFILE', version: null, clamped: false },
      },
      endsAt: later(now, 90 * DAY),
      ending: null,
    });
  });

  it('PE-1 differ if another timer fires before the end, and follow a change of rules at once', async () => {
    const id = await answered('two timers', { skillId: api.sales });
    const now = api.engine.clock.now();
    const rules = await api.engine.policy(
      { inactivate: true, inactivateAfter: 'PT10M', autoCloseAfter: 'PT2H' },
      { skillId: api.engine.sales },
    );
    // SP-6: INACTIVATE was switched on just now, so it counts only clocks from this instant on. This clock has exactly this instant.
    expect(await one(DUE, id)).toMatchObject({
      due: {
        at: later(now, 10 * MINUTE),
        timer: 'INACTIVATE',
        willDo: 'INACTIVATE',
        endReason: null,
        origin: { scope: 'SKILL', version: rules.version },
      },
      endsAt: later(now, 2 * HOUR),
    });
  });

  it('SP-10 can lie in the past just after a change of rules, until the wake acts', async () => {
    const id = await answered('lowered', { skillId: api.id('Skill', api.engine.care) });
    const now = api.engine.clock.now();
    api.engine.clock.advance(3 * HOUR);
    const rules = await api.engine.policy({ autoCloseAfter: 'PT1H' }, { skillId: api.engine.care });
    expect(await one(DUE, id)).toMatchObject({ due: { at: later(now, HOUR) }, endsAt: later(now, HOUR) });
    await api.engine.runUntil(api.engine.clock.now());
    expect(await one(DUE, id)).toEqual({
      status: 'ENDED',
      setAside: false,
      due: null,
      endsAt: null,
      ending: {
        reason: 'AUTO_CLOSE',
        by: 'SYSTEM',
        at: api.engine.clock.now().toISOString(),
        latenessMs: 0,
        rulesVersion: rules.version,
        creditedAgent: { name: 'ann' },
      },
    });
  });

  it('LP-6 a conversation awaiting the agent is due only for the system protection, which has no origin', async () => {
    const [{ conversationId }] = await api.record({
      kind: 'INBOUND',
      channelId: api.channel,
      address: 'waits',
    });
    expect(await one(DUE, conversationId)).toMatchObject({
      due: { timer: 'PROTECT', willDo: 'END', endReason: 'PROTECTION', origin: null },
    });
  });

  it('PE-6 on hold the end of the hold is due next, and only the system protection ends it', async () => {
    const id = await answered('held');
    const now = api.engine.clock.now();
    await api.record({ kind: 'HOLD', conversationId: id, until: later(now, HOUR) });
    expect(await one(`held heldUntil ${DUE}`, id)).toMatchObject({
      held: true,
      heldUntil: later(now, HOUR),
      due: { at: later(now, HOUR), timer: 'RELEASE_HOLD', willDo: 'RELEASE' },
      endsAt: later(now, 90 * DAY),
    });
  });

  it('the wake acts at the time that `due` shows', async () => {
    const id = await answered('exact');
    await api.engine.policy({ autoCloseAfter: 'PT47M' }, { channelId: api.engine.channelId });
    const { endsAt } = await one('endsAt', id);
    await api.engine.runUntil(new Date(new Date(endsAt).getTime() - 1));
    expect(await one('status', id)).toEqual({ status: 'ACTIVE' });
    await api.engine.runUntil(new Date(endsAt));
    expect(await one('status ending { at }', id)).toEqual({ status: 'ENDED', ending: { at: endsAt } });
  });

  it('a conversation that was set aside has no due time', async () => {
    const id = await answered('aside');
    await api.engine.db.sql`update conversation set lane_id = null
      where id = ${atob(id).split(':')[1] ?? ''}`;
    expect(await one(DUE, id)).toMatchObject({ status: 'ACTIVE', setAside: true, due: null, endsAt: null });
  });
});
