import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ClaimedEffect } from '../../src/db/rows/outbox.ts';
import { claimOutbox, START, type Turn, walkDestinations } from '../../src/db/rows/outbox-claims.ts';
import { deliverMessage } from '../../src/delivery/deliver-message.ts';
import type { MessagePayload } from '../../src/domain/closing/owed-effects.ts';
import { MINUTE } from '../support/engine.ts';
import { openSending, type Sending } from '../support/sending.ts';

let world: Sending;
beforeAll(async () => {
  world = await openSending();
});
afterAll(() => world.close());

it('a claim that is older than its lease sends nothing once the effect is claimed again', async () => {
  const { engine } = world;
  const sms = await world.channel('sms');
  await world.ends(sms, 'stalled');
  const claimAll = async () => {
    const now = engine.clock.now();
    const stops = await walkDestinations(engine.db.sql, START, { now, limit: 10 });
    const places = stops.map((stop) => ({ ...stop, places: 10 }));
    return await claimOutbox(engine.db.sql, places, { now, leaseMs: MINUTE });
  };
  const claim = async () => (await claimAll()).filter(({ payload }) => payload.kind === 'PART');
  const deliver = deliverMessage(world.deps);
  const carryOut = (effect: Turn) => deliver(effect as ClaimedEffect<MessagePayload>);
  for (const effect of await claimAll()) await carryOut(effect);
  const [stalled] = await claim();
  engine.clock.advance(2 * MINUTE);
  const [fresh] = await claim();
  if (!stalled || !fresh) throw new Error('nothing was claimed');
  expect(fresh.id).toBe(stalled.id);
  expect(await carryOut(stalled)).toEqual({ state: 'WRITTEN' });
  expect(world.got).toEqual([]);
  expect(await carryOut(fresh)).toMatchObject({ state: 'WRITTEN', health: { kind: 'ANSWERED' } });
  expect(world.got).toHaveLength(1);
  expect(await carryOut(stalled)).toEqual({ state: 'WRITTEN' });
  expect(world.got).toHaveLength(1);
});

it('LP-9 late client data does not overwrite newer client data', async () => {
  const { engine } = world;
  const app = await world.channel('in-app');
  const version = async () => {
    const [row] = await engine.db.sql`
      select client_version, locale from contact where account_id = ${engine.accountId} and address = 'client'`;
    return [row?.client_version, row?.locale];
  };
  const before = new Date(engine.clock.now().getTime() - MINUTE);
  await world.does(app, 'client', { kind: 'INBOUND' });
  await world.does(app, 'client', { kind: 'CLIENT', clientVersion: '1.9' }, { at: before });
  // Late, but the only client data known.
  expect(await version()).toEqual(['1.9', null]);
  await world.does(app, 'client', { kind: 'INBOUND', clientVersion: '2.1', locale: 'pt-BR' });
  await world.does(app, 'client', { kind: 'INBOUND', clientVersion: '2.0', locale: 'en' }, { at: before });
  expect(await version()).toEqual(['2.1', 'pt-BR']);
  await world.does(app, 'client', { kind: 'CLIENT', clientVersion: '2.2' });
  expect(await version()).toEqual(['2.2', 'pt-BR']);
});
