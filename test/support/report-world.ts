import { expect } from 'vitest';
import { createAccount } from '../../src/accounts/setup.ts';
import { recordActivities } from '../../src/ingest/record-activities.ts';
import { at, type Engine } from './engine.ts';
import { ensureChannel } from './flows.ts';

/**
 * An afternoon of which the period from 13:00 to 15:00 is reported. Closed in it: by timers `early`, `a` and `b`,
 * which are ann's, 2, 5 and 9 s late; by hand `border`, who opts out, and `of bob`, which ann ends and bob is credited with.
 * Another account has something in it too. Answers with the id of the channel `other`.
 */
export async function playAfternoon(engine: Engine): Promise<string> {
  const { clock, deps, accountId, ann, bob, sales, care } = engine;
  const settings = { secret: 'known to this test alone' };
  const channelId = await ensureChannel(deps, accountId, { name: 'other', adapter: 'web', settings });
  const to = (time: string) => clock.advance(at(time).getTime() - clock.now().getTime());
  const ends = (address: string, by: 'AGENT' | 'CUSTOMER') =>
    engine.does(address, by === 'AGENT' ? { kind: 'END', by, agentId: ann } : { kind: 'END', by });
  const sellsTo = async (address: string) => {
    await engine.writes(address, { skillId: sales });
    await engine.answers(address);
  };
  await engine.policy({ autoCloseAfter: 'PT1H' });

  to('12:30');
  await sellsTo('early');
  to('13:00');
  await engine.writes('border');
  to('13:05');
  await engine.writes('reopened');
  to('13:10');
  await engine.does('border', { kind: 'INBOUND', keyword: 'OPT_OUT' });
  await engine.writes('of bob', { skillId: care });
  await engine.does('of bob', { kind: 'ASSIGN', agentId: bob });
  to('13:15');
  await ends('reopened', 'CUSTOMER');
  to('13:20');
  await sellsTo('a');
  await sellsTo('revoked');
  to('13:21');
  await sellsTo('b');
  to('13:25');
  await ends('of bob', 'AGENT');
  await engine.writes('reopened');
  await engine.jumpTo(at('13:30:02'));
  to('14:00');
  await recordActivities(deps, accountId, [
    { target: { channelId, address: 'open' }, action: { kind: 'INBOUND' } },
  ]);
  await engine.writes('ended late');
  await engine.jumpTo(at('14:20:05'));
  await engine.jumpTo(at('14:21:09'));
  to('14:22');
  await engine.writes('revoked', { at: at('14:19') });
  to('15:00');
  await ends('ended late', 'CUSTOMER');
  await engine.writes('started late');
  expect((await engine.latest('revoked')).status).toBe('ACTIVE');
  expect((await engine.latest('reopened')).status).toBe('WAITING');

  const theirs = await createAccount(deps, { name: 'theirs' });
  const theirChannel = await ensureChannel(deps, theirs, { name: 'web', adapter: 'web', settings });
  const target = { channelId: theirChannel, address: 'somebody' };
  await recordActivities(deps, theirs, [
    { target, action: { kind: 'INBOUND' }, at: at('14:00') },
    { target, action: { kind: 'END', by: 'CUSTOMER' } },
  ]);
  return channelId;
}
