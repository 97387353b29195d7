/** The walk after a change of exempt tags, on real time, with a real queue and one that loses everything. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../src/app.ts';
import { eventually, expectClosed, plus } from '../support/closes.ts';
import { setExemptTags } from '../support/flows.ts';
import { faults, openStore, type Store } from '../support/live.ts';
import { openTenant, type Tenant } from '../support/tenant.ts';

const MINUTE = 60_000;
const VIPS = ['ada', 'grace', 'joan'];

describe.for(['keeps', 'loses'] as const)('with a queue that %s what it is given', (how) => {
  let store: Store;
  let engine: Engine;
  let tenant: Tenant;
  beforeAll(async () => {
    store = await openStore('postgres');
    // Creates the queue's tables, which must not be dropped under a worker.
    await store.engine();
    if (how === 'loses') await store.lose();
    engine = await store.worker();
    tenant = await openTenant(engine, store.sql, { autoCloseAfter: 'PT1M' });
  });
  afterAll(async () => {
    expect(await faults(store.sql)).toEqual([]);
    await store.close();
  });

  const exempts = (...tags: string[]) =>
    setExemptTags(
      engine.deps,
      { accountId: tenant.accountId, author: { changedBy: 'test', why: null } },
      tags,
    );
  const lanes = async (exempt: boolean) => {
    const [row] = await store.sql`
      select count(*)::int from conversation join lane on lane.id = lane_id
      where conversation.account_id = ${tenant.accountId} and exempt = ${exempt}`;
    return row?.count;
  };

  it('PE-7 a conversation exempted in its last second stays open until the exemption ends, and the others close on time', async () => {
    const at = tenant.in(3_000 - MINUTE);
    await tenant.answered([...VIPS, 'plain'], at);
    for (const address of VIPS) await tenant.does(address, { kind: 'TAG', add: ['vip'], remove: [] });
    await tenant.until(plus(at, MINUTE - 1_000));
    await exempts('vip');
    await expectClosed(tenant, 'plain', plus(at, MINUTE), how === 'loses' ? 15_000 : 1_000);
    await eventually(async () => expect(await lanes(true)).toBe(VIPS.length));
    expect((await tenant.open()).length).toBe(VIPS.length);

    const asked = tenant.in(0);
    await exempts();
    await eventually(async () => expect(await tenant.open()).toEqual([]));
    const ended = (await tenant.ended()).filter(({ ended_at }) => ended_at > asked);
    expect(ended).toHaveLength(VIPS.length);
    for (const { lateness_ms, ended_at } of ended)
      expect(Number(lateness_ms)).toBeLessThan(ended_at.getTime() - asked.getTime());
  });
});
