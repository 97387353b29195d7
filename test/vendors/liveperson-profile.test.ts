import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Api, openApi } from '../http/open-api.ts';
import { at, DAY, type Engine, HOUR } from '../support/engine.ts';
import { setProfile } from '../support/flows.ts';
import { answered, expectClosesAt, later } from '../support/vendors/liveperson.ts';

let api: Api;
let engine: Engine;
beforeEach(async () => {
  api = await openApi(at('12:00'));
  engine = api.engine;
});
afterEach(() => api.close());

const CHOOSE = `mutation ($profile: Profile!, $why: String, $expectedVersion: Int) {
  setProfile(profile: $profile, why: $why, expectedVersion: $expectedVersion) { __typename
    ... on Account { profile rulesVersion policy { autoCloseStatuses reopenWithin } }
    ... on Error { code message }
    ... on ProfileRefusedError { profile faults { channelId skillId field allowed } }
    ... on ConflictError { field current } ... on ForbiddenError { scope } } }`;
const choose = async (profile: string, more: Record<string, unknown> = {}, as?: string) =>
  (await api.ask(CHOOSE, { profile, ...more }, as)).data.setProfile;
const account = async () => (await api.ask('{ account { profile rulesVersion } }')).data.account;
const HISTORY = '{ rulesVersions(first: 1) { nodes { version kind changedBy changedAt why before after } } }';

it('LP-5 LP-11 a switch is refused with all that layers set outside it, and nothing is changed', async () => {
  const { channelId, sales, care } = engine;
  await engine.policy({ autoCloseAfter: 'PT10M', reopenWithin: 'P4D', botsAreAgents: true });
  await engine.policy({ autoClose: false }, { channelId });
  await engine.policy({ autoCloseAfter: 'PT25M', autoCloseStatuses: ['ACTIVE'] }, { skillId: sales });
  await engine.policy({ autoCloseAfter: 'PT24M59S' }, { channelId, skillId: care });
  const before = await account();
  const refused = await choose('LIVEPERSON');
  expect(refused).toMatchObject({
    ...{ __typename: 'ProfileRefusedError', code: 'PROFILE_REFUSED', profile: 'LIVEPERSON' },
  });
  const fixed = 'profile LIVEPERSON lets nobody set it';
  const inOrder = (a: object, b: object) => JSON.stringify(a).localeCompare(JSON.stringify(b));
  const [page, none] = [{ channelId: api.channel }, { channelId: null }];
  expect(refused.faults.toSorted(inOrder)).toEqual(
    [
      { ...none, skillId: null, field: 'autoCloseAfter', allowed: 'PT25M to P90D' },
      { ...none, skillId: null, field: 'reopenWithin', allowed: 'PT0S to PT0S' },
      { ...page, skillId: null, field: 'autoClose', allowed: fixed },
      { ...none, skillId: api.sales, field: 'autoCloseStatuses', allowed: fixed },
      { ...page, skillId: api.id('Skill', care), field: 'autoCloseAfter', allowed: 'PT25M to P90D' },
    ].toSorted(inOrder),
  );
  expect(await account()).toEqual(before);
  expect(before.profile).toBe('LULL');

  await engine.policy({ autoCloseAfter: 'PT30M', reopenWithin: null });
  await engine.policy({ autoClose: null }, { channelId });
  await engine.policy({ autoCloseStatuses: null }, { skillId: sales });
  expect((await choose('LIVEPERSON')).faults).toMatchObject([{ skillId: api.id('Skill', care) }]);
  await engine.policy({ autoCloseAfter: 'PT25M' }, { channelId, skillId: care });
  expect(await choose('LIVEPERSON')).toMatchObject({ __typename: 'Account', profile: 'LIVEPERSON' });
});

it('a switch is one rules version: who, when, from what to what, and why; the same again is none', async () => {
  const { rulesVersion } = await account();
  expect(await choose('LIVEPERSON', { why: 'we move over', expectedVersion: rulesVersion })).toEqual({
    ...{ __typename: 'Account', profile: 'LIVEPERSON', rulesVersion: rulesVersion + 1 },
    policy: { autoCloseStatuses: ['NEW', 'WAITING', 'ACTIVE', 'INACTIVE'], reopenWithin: 'PT0S' },
  });
  const written = {
    ...{ version: rulesVersion + 1, kind: 'PROFILE', changedBy: expect.stringMatching(/^key:/) },
    ...{ changedAt: at('12:00').toISOString(), why: 'we move over' },
    ...{ before: { profile: 'LULL' }, after: { profile: 'LIVEPERSON' } },
  };
  expect((await api.ask(HISTORY)).data.rulesVersions.nodes).toEqual([written]);
  expect(await choose('LIVEPERSON')).toMatchObject({ rulesVersion: rulesVersion + 1 });
  expect((await api.ask(HISTORY)).data.rulesVersions.nodes).toEqual([written]);
  expect(await choose('SPROUT', { expectedVersion: rulesVersion })).toMatchObject({
    ...{ __typename: 'ConflictError', field: 'expectedVersion', current: String(rulesVersion + 1) },
  });
  expect(await account()).toEqual({ profile: 'LIVEPERSON', rulesVersion: rulesVersion + 1 });
});

it('a switch needs the scope policies:write', async () => {
  const key = await api.makeKey(['conversations:read', 'activities:write']);
  expect(await choose('LIVEPERSON', {}, key)).toMatchObject({
    ...{ __typename: 'ForbiddenError', scope: 'policies:write' },
  });
  expect(await account()).toMatchObject({ profile: 'LULL' });
});

it('LP-12 LP-3 a switch is in force at once, for what is open and for what has ended', async () => {
  await engine.policy({ autoCloseAfter: 'PT2H' });
  for (const address of ['read', 'ended']) await answered(engine, address);
  await engine.does('ended', { kind: 'END', by: 'AGENT' });
  await engine.does('began', { kind: 'START', by: 'AGENT', agentId: engine.ann });
  await engine.runUntil(at('13:00'));
  await engine.does('read', { kind: 'READER_JOINED' });
  await choose('LIVEPERSON');
  await engine.writes('ended');
  expect(await engine.conversations('ended')).toHaveLength(2);
  // What a reader's joining did before the switch stays so; the next one counts.
  expect(await engine.latest('read')).toMatchObject({ last_activity_at: at('12:00') });
  await engine.runUntil(at('13:30'));
  await engine.does('read', { kind: 'READER_JOINED' });
  // Of the former profile's timers it would have ended unanswered after 48 hours.
  await expectClosesAt(engine, 'began', at('14:00'));
  await expectClosesAt(engine, 'read', at('15:30'));
});

it('SP-6 LP-11 a switch that turns auto close on closes no backlog; the protection has no such mercy', async () => {
  await choose('SPROUT');
  await answered(engine, 'idle');
  await answered(engine, 'goes on');
  await engine.jumpTo(later(at('12:00'), 80 * DAY));
  await engine.policy({ autoCloseAfter: 'PT2H' });
  await choose('LIVEPERSON');
  await engine.runUntil(later(at('18:00'), 80 * DAY));
  expect(await engine.latest('idle')).toMatchObject({ status: 'ACTIVE' });
  await engine.does('goes on', { kind: 'READER_JOINED' });
  await expectClosesAt(engine, 'goes on', later(at('20:00'), 80 * DAY));
  await expectClosesAt(engine, 'idle', later(at('12:00'), 90 * DAY), 'PROTECTION');
});

it('LP-8 what a switch makes due is closed at once, late by nothing', async () => {
  await answered(engine, 'inactive');
  await engine.does('inactive', { kind: 'INACTIVATE' });
  await engine.policy({ autoCloseAfter: 'PT2H' });
  await engine.runUntil(at('18:00'));
  // Profile LULL closes only what waits or is active.
  expect(await engine.latest('inactive')).toMatchObject({ status: 'INACTIVE' });
  const { profile } = await engine.deps.rules.newest(engine.accountId);
  expect(profile.id).toBe('LULL');
  await setProfile(
    engine.deps,
    engine.accountId,
    { profile: 'LIVEPERSON', expectedVersion: null },
    { changedBy: 'test', why: null },
  );
  await engine.runUntil(engine.clock.now());
  expect(await engine.latest('inactive')).toMatchObject({
    ...{
      status: 'ENDED',
      end_reason: 'AUTO_CLOSE',
      ended_at: later(at('12:00'), 6 * HOUR),
      lateness_ms: '0',
    },
  });
});
