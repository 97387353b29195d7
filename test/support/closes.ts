import type postgres from 'postgres';
import { expect, vi } from 'vitest';
import type { Engine } from '../../src/app.ts';
import { openTenant, type Tenant } from './tenant.ts';

/** An instant so many milliseconds later, or earlier. */
export const plus = (at: Date, ms: number) => new Date(at.getTime() + ms);

/** Checks time and again until it holds. The limit only stops a test that hangs. */
export const eventually = (check: () => Promise<void>) =>
  vi.waitFor(check, { timeout: 60_000, interval: 20 });

/** The reconciler wakes lanes that are overdue by this: a close that is not as late came by its alarm. */
export const OVERDUE_MS = 5_000;

/** Waits for the close of an address's conversation, which must not come early, and not by the reconciler. */
export async function expectClosed(tenant: Tenant, address: string, due: Date, atMostLateMs = OVERDUE_MS) {
  const closed = { status: 'ENDED', end_reason: 'AUTO_CLOSE' };
  await eventually(async () => expect(await tenant.latest(address)).toMatchObject(closed));
  const latenessMs = (await tenant.latest(address)).ended_at.getTime() - due.getTime();
  expect(latenessMs).toBeGreaterThanOrEqual(0);
  expect(latenessMs).toBeLessThan(atMostLateMs);
}

/** Waits until no lane is to be woken in the next minutes. */
export async function expectAsleep(tenant: Tenant) {
  await eventually(async () => expect(await tenant.alarms(tenant.in(15 * 60_000))).toEqual([]));
}

/**
 * A tenant whose lanes have been used, are empty now, and sleep for most of their threshold: an hour, 20 minutes
 * for the skill care, and no close at all for the skill sales and for the tag vip.
 */
export async function openSleepingTenant(engine: Engine, sql: postgres.Sql): Promise<Tenant> {
  const tenant = await openTenant(engine, sql, { autoCloseAfter: 'PT1H' });
  await tenant.setPolicy({ autoCloseAfter: 'PT20M' }, tenant.skill('care'));
  await tenant.setPolicy({ autoClose: false }, tenant.skill('sales'));
  await tenant.exempt('vip');
  for (const skill of [null, 'care', 'sales']) {
    const address = `was here, ${skill}`;
    await tenant.answered([address], tenant.in(0), () => skill && tenant.skill(skill));
    await tenant.does(address, { kind: 'END', by: 'AGENT', agentId: tenant.ann });
  }
  await expectAsleep(tenant);
  return tenant;
}
