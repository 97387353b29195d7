import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from '../../src/db/client.ts';
import { inTransaction } from '../../src/db/transaction.ts';
import { settingsFor } from '../../src/domain/policy/account-rules.ts';
import { at, DAY, type Engine, HOUR, MINUTE, openEngine } from '../support/engine.ts';
import { ensureChannel, setPolicy } from '../support/flows.ts';

let engine: Engine;
let app: string;
beforeAll(async () => {
  engine = await openEngine(at('12:00'));
  app = await ensureChannel(engine.deps, engine.accountId, { name: 'app', adapter: 'in-app', settings: {} });
});
afterAll(() => engine.drop());

const inMs = (ms: number) => new Date(engine.clock.now().getTime() + ms);

/** Creates a conversation that is answered at once and quiet from then on. */
async function quiet(
  address: string,
  { channelId = engine.channelId, skillId = null as string | null } = {},
) {
  const target = { channelId, address };
  await engine.apply(
    { target, action: { kind: 'INBOUND', skillId } },
    { target, action: { kind: 'OUTBOUND', sender: 'AGENT', agentId: engine.ann } },
  );
}
const statusOf = async (address: string) => (await engine.latest(address)).status;

describe('thresholds', () => {
  it('LP-4 apply by precedence of account, channel, skill, and skill on a channel: the most specific one decides', async () => {
    await engine.policy({ autoCloseAfter: 'PT1H' });
    await engine.policy({ autoCloseAfter: 'PT2H' }, { channelId: app });
    await engine.policy({ autoCloseAfter: 'PT3H' }, { skillId: engine.sales });
    await engine.policy({ autoCloseAfter: 'PT4H' }, { channelId: app, skillId: engine.sales });
    await quiet('account');
    await quiet('account, other skill', { skillId: engine.care });
    await quiet('channel', { channelId: app });
    await quiet('skill', { skillId: engine.sales });
    await quiet('channel and skill', { channelId: app, skillId: engine.sales });
    const began = engine.clock.now();
    await engine.runUntil(inMs(5 * HOUR));
    for (const [address, hours] of [
      ['account', 1],
      ['account, other skill', 1],
      ['channel', 2],
      ['skill', 3],
      ['channel and skill', 4],
    ] as const)
      expect(await engine.latest(address)).toMatchObject({
        end_reason: 'AUTO_CLOSE',
        ended_at: new Date(began.getTime() + hours * HOUR),
        lateness_ms: '0',
      });
  });

  it('LP-4 have an origin with layer and version, and are inherited again once unset', async () => {
    const { version } = await engine.policy({ autoCloseAfter: 'PT6H' }, { skillId: engine.sales });
    const origin = async () => {
      const rules = await engine.deps.rules.newest(engine.accountId);
      return settingsFor(rules, engine.channelId, engine.sales).origins.autoCloseAfter;
    };
    expect(await origin()).toEqual({ scope: 'SKILL', version, clamped: false });
    await engine.policy({ autoCloseAfter: null }, { skillId: engine.sales });
    expect(await origin()).toMatchObject({ scope: 'ACCOUNT' });
  });

  it('LP-4 change to those of the new skill after a change of skill', async () => {
    await engine.policy({ autoCloseAfter: 'PT3H' }, { skillId: engine.sales });
    await quiet('moved', { skillId: engine.sales });
    const began = engine.clock.now();
    await engine.runUntil(inMs(2 * HOUR));
    expect(await statusOf('moved')).toBe('ACTIVE');
    await engine.does('moved', { kind: 'SKILL', skillId: engine.care });
    await engine.runUntil(engine.clock.now());
    expect(await engine.latest('moved')).toMatchObject({
      status: 'ENDED',
      ended_at: new Date(began.getTime() + 2 * HOUR),
      lateness_ms: '0',
    });
  });

  it.each([
    [
      { autoCloseAfter: 'PT59S' },
      { code: 'OUT_OF_BOUNDS', field: 'autoCloseAfter', min: 'PT1M', max: 'P90D' },
    ],
    [
      { autoCloseAfter: 'P91D' },
      { code: 'OUT_OF_BOUNDS', field: 'autoCloseAfter', min: 'PT1M', max: 'P90D' },
    ],
    [{ autoCloseAfter: 'P1M' }, { code: 'INVALID_INPUT', field: 'autoCloseAfter' }],
    [{ autoCloseAfter: '-PT1H' }, { code: 'INVALID_INPUT', field: 'autoCloseAfter' }],
    [{ reopenWithin: 'P31D' }, { code: 'OUT_OF_BOUNDS', field: 'reopenWithin', min: 'PT0S', max: 'P30D' }],
    [
      { autoCloseAfter: 'PT1H', remindBefore: ['PT1H'] },
      { code: 'INVALID_INPUT', field: 'remindBefore[0]' },
    ],
    [
      { overflowSkillId: '0190a0a0-0000-7000-8000-000000000000' },
      { code: 'NOT_FOUND', field: 'overflowSkillId' },
    ],
    [{ overflowSkillId: 'nobody' }, { code: 'NOT_FOUND', field: 'overflowSkillId' }],
  ])('LP-5 are refused and change nothing if invalid: %j', async (fields, error) => {
    const before = await engine.deps.rules.newest(engine.accountId);
    await expect(engine.policy(fields)).rejects.toMatchObject(error);
    expect(await engine.deps.rules.newest(engine.accountId)).toMatchObject({
      version: before.version,
      layers: before.layers,
    });
  });

  it('PE-2 are not refused because of reminders in another layer if the change is unrelated to reminders', async () => {
    await engine.policy({ autoCloseAfter: 'PT5M' }, { skillId: engine.care });
    await engine.policy({ autoCloseAfter: 'P1D', remindBefore: ['PT10M'] });
    const { layers } = await engine.policy({ tagOnClose: 'quiet' }, { skillId: engine.care });
    expect(layers.find(({ skillId }) => skillId === engine.care)?.fields).toMatchObject({
      tagOnClose: 'quiet',
    });
    for (const fields of [{ autoCloseAfter: 'PT6M' }, { remindBefore: ['PT10M'] }])
      await expect(engine.policy(fields, { skillId: engine.care })).rejects.toMatchObject({
        code: 'INVALID_INPUT',
        field: 'remindBefore[0]',
      });
    await engine.policy({ remindBefore: null });
    await engine.policy({ autoCloseAfter: null, tagOnClose: null }, { skillId: engine.care });
  });

  it('fail as unavailable and change nothing when the account’s rules stay locked for too long', async () => {
    const impatient = openDatabase(engine.address, { connections: 1 });
    await impatient.sql`set lock_timeout = '50ms'`;
    const { version } = await engine.deps.rules.newest(engine.accountId);
    await inTransaction(engine.db.sql, async (sql) => {
      await sql`select 1 from account where account_id = ${engine.accountId} for no key update`;
      const change = setPolicy(
        { ...engine.deps, db: impatient },
        engine.accountId,
        { channelId: null, skillId: null, fields: { autoCloseAfter: 'PT9H' }, expectedVersion: null },
        { changedBy: 'test', why: null },
      );
      await expect(change).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    });
    await impatient.close();
    expect(await engine.deps.rules.newest(engine.accountId)).toMatchObject({ version });
  });

  it('are refused for an unknown channel or skill', async () => {
    const nobody = '0190a0a0-0000-7000-8000-000000000000';
    await expect(engine.policy({}, { channelId: nobody })).rejects.toMatchObject({ field: 'channelId' });
    await expect(engine.policy({}, { skillId: nobody })).rejects.toMatchObject({ field: 'skillId' });
    await expect(engine.policy({}, { skillId: 'x' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('changing a threshold', () => {
  it('SP-10 to a higher value delays later closes, and closed conversations stay closed', async () => {
    await engine.policy({ autoCloseAfter: 'PT1H' });
    await quiet('closed before');
    await engine.runUntil(inMs(HOUR));
    await quiet('raised');
    const began = engine.clock.now();
    await engine.runUntil(inMs(59 * MINUTE));
    await engine.policy({ autoCloseAfter: 'PT2H' });
    await engine.runUntil(new Date(began.getTime() + 2 * HOUR - 1));
    expect(await statusOf('raised')).toBe('ACTIVE');
    expect(await statusOf('closed before')).toBe('ENDED');
    await engine.runUntil(new Date(began.getTime() + 2 * HOUR));
    expect(await engine.latest('raised')).toMatchObject({ status: 'ENDED', lateness_ms: '0' });
  });

  it('SP-10 to a lower value closes the newly due conversations at the next wake without lateness', async () => {
    await engine.policy({ autoCloseAfter: 'PT8H' });
    await quiet('long quiet');
    await engine.runUntil(inMs(HOUR));
    await quiet('just quiet');
    await engine.runUntil(inMs(30 * MINUTE));
    const { version } = await engine.policy({ autoCloseAfter: 'PT1H' });
    const lowered = engine.clock.now();
    await engine.runUntil(lowered);
    expect(await engine.latest('long quiet')).toMatchObject({
      status: 'ENDED',
      ended_at: lowered,
      lateness_ms: '0',
      rules_version: String(version),
    });
    expect(await statusOf('just quiet')).toBe('ACTIVE');
    await engine.runUntil(inMs(30 * MINUTE));
    expect(await engine.latest('just quiet')).toMatchObject({ status: 'ENDED', lateness_ms: '0' });
  });
});

describe('the history of a policy', () => {
  const set = (fields: Record<string, unknown>, expectedVersion: number | null, why: string | null = null) =>
    setPolicy(
      engine.deps,
      engine.accountId,
      { channelId: null, skillId: null, fields, expectedVersion },
      { changedBy: 'ada', why },
    );

  it('keeps who changed what, when and why', async () => {
    await set({ autoCloseAfter: 'PT2H', reopenWithin: 'P1D' }, null);
    const { version } = await set({ autoCloseAfter: 'PT3H', reopenWithin: null }, null, 'too many came back');
    const [row] = await engine.db.sql`
      select * from rules_version where account_id = ${engine.accountId} and version = ${version}`;
    expect(row).toMatchObject({
      kind: 'POLICY',
      before: expect.objectContaining({ autoCloseAfter: 'PT2H', reopenWithin: 'P1D' }),
      after: expect.objectContaining({ autoCloseAfter: 'PT3H' }),
      changed_by: 'ada',
      changed_at: engine.clock.now(),
      why: 'too many came back',
    });
    expect(row?.after).not.toHaveProperty('reopenWithin');
  });

  it('refuses a change based on an older version, and the error names the newest version', async () => {
    const { version } = await set({ autoCloseAfter: 'PT2H' }, null);
    await expect(set({ autoCloseAfter: 'PT5H' }, version - 1)).rejects.toMatchObject({
      code: 'CONFLICT',
      field: 'expectedVersion',
      current: String(version),
    });
    expect(await set({ autoCloseAfter: 'PT5H' }, version)).toMatchObject({ version: version + 1 });
  });

  it('has two versions after two concurrent changes, and neither is lost', async () => {
    const { version } = await engine.deps.rules.newest(engine.accountId);
    await Promise.all([set({ autoCloseAfter: 'PT7H' }, null), set({ endInactiveAfter: 'PT7H' }, null)]);
    const rules = await engine.deps.rules.newest(engine.accountId);
    expect(rules.version).toBe(version + 2);
    const { policy } = settingsFor(rules, engine.channelId, null);
    expect([policy.autoCloseAfter, policy.endInactiveAfter].map(String)).toEqual(['PT7H', 'PT7H']);
  });
});

describe('switching auto close on', () => {
  const enabling = async (place: { channelId?: string; skillId?: string }, address: string) => {
    await engine.policy({ autoClose: false, autoCloseAfter: 'PT1H' }, place);
    await quiet(`${address}, old`, { skillId: engine.sales });
    await quiet(`${address}, spoken`, { skillId: engine.sales });
    await engine.jumpTo(inMs(DAY));
    await engine.policy({ autoClose: true }, place);
    await engine.runUntil(inMs(HOUR));
    expect(await statusOf(`${address}, old`)).toBe('ACTIVE');
    expect(await statusOf(`${address}, spoken`)).toBe('ACTIVE');

    await engine.answers(`${address}, spoken`);
    await quiet(`${address}, new`, { skillId: engine.sales });
    const began = engine.clock.now();
    await engine.runUntil(inMs(HOUR));
    for (const each of ['spoken', 'new'])
      expect(await engine.latest(`${address}, ${each}`)).toMatchObject({
        status: 'ENDED',
        ended_at: new Date(began.getTime() + HOUR),
        lateness_ms: '0',
      });
    expect(await statusOf(`${address}, old`)).toBe('ACTIVE');
  };

  it('SP-6 for the account never closes conversations that were quiet before', async () => {
    await engine.policy({ autoCloseAfter: null }, { skillId: engine.sales });
    await enabling({}, 'for the account');
  });

  it('SP-6 for a skill never closes conversations that were quiet before', () =>
    enabling({ skillId: engine.sales }, 'for a skill'));

  it('SP-6 for a skill on a channel never closes conversations that were quiet before', async () => {
    await enabling({ channelId: engine.channelId, skillId: engine.sales }, 'for both');
  });

  it('SP-6 still closes none of them after a comment or a lower threshold', async () => {
    await engine.does('for the account, old', { kind: 'COMMENT' });
    await engine.policy({ autoCloseAfter: 'PT1M' });
    await engine.policy({ autoCloseAfter: 'PT1M' }, { skillId: engine.sales });
    await engine.runUntil(inMs(HOUR));
    expect(await statusOf('for the account, old')).toBe('ACTIVE');
  });
});
