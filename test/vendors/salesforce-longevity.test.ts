import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseDuration } from '../../src/domain/time/duration.ts';
import { type Api, openApi } from '../http/open-api.ts';
import { at, HOUR, openEngine } from '../support/engine.ts';
import { setProfile } from '../support/flows.ts';
import { type ChannelName, openSessions, type Sessions } from './sessions.ts';

let api: Api;
let sessions: Sessions;
beforeAll(async () => {
  api = await openApi(at('12:00'), { profile: 'SALESFORCE' });
  sessions = await openSessions(api.engine);
});
afterAll(() => api.close());

const channelId = (name: ChannelName) => api.id('Channel', sessions.idOf(name));
const ERROR = '... on Error { code message } ... on InvalidInputError { field allowed }';

describe('the longevity of a notification', () => {
  const start = async (longevity: string, by = 'AUTOMATION', name: ChannelName = 'line') => {
    const query = `mutation ($channelId: ID!, $address: String!, $by: Beginner!, $longevity: Duration) {
      startConversation(channelId: $channelId, address: $address, by: $by, longevity: $longevity) {
        __typename ... on Conversation { id status longevity } ... on OutOfBoundsError { field min max } ${ERROR} } }`;
    const address = `SF-10 ${longevity} ${by} ${name}`;
    return (await api.ask(query, { channelId: channelId(name), address, by, longevity })).data
      .startConversation;
  };

  it('SF-10 is set on startConversation, and explains when the session ends', async () => {
    const began = api.engine.clock.now();
    const { id, ...begun } = await start('PT36H');
    expect(begun).toEqual({ __typename: 'Conversation', status: 'NEW', longevity: 'P1DT12H' });
    const query = `query ($id: ID!) { conversation(id: $id) { endsAt feed { nodes { kind longevity } }
      explanation { timers { timer after origin { scope } guards(passes: false) { guard } } } } }`;
    const { endsAt, feed, explanation } = (await api.ask(query, { id })).data.conversation;
    expect(endsAt).toBe(new Date(began.getTime() + 36 * HOUR).toISOString());
    expect(feed.nodes).toEqual([{ kind: 'START', longevity: 'P1DT12H' }]);
    expect(explanation.timers[0]).toEqual({
      ...{ timer: 'END_UNANSWERED', after: 'P1DT12H', origin: null, guards: [] },
    });
    expect(await start('PT0S')).toMatchObject({ status: 'ENDED', longevity: 'PT0S' });
  });

  it('SF-10 has the bounds of endUnansweredAfter', async () => {
    for (const [longevity, name, max] of [
      ['PT23H', 'line', 'P2D'],
      ['P3D', 'line', 'P2D'],
      ['PT48H', 'standard sms', 'P1D'],
    ] as const)
      expect(await start(longevity, 'AUTOMATION', name)).toMatchObject({
        ...{ __typename: 'OutOfBoundsError', code: 'OUT_OF_BOUNDS', field: 'longevity', min: 'P1D', max },
      });
    for (const [longevity, by] of [
      ['PT24H1S', 'AUTOMATION'],
      ['PT24H', 'AGENT'],
    ] as const)
      expect(await start(longevity, by)).toMatchObject({
        ...{ __typename: 'InvalidInputError', code: 'INVALID_INPUT', field: 'longevity' },
      });
  });

  it('SF-10 is set on a START that is recorded', async () => {
    const activity = { kind: 'START', by: 'AUTOMATION', channelId: channelId('line') };
    const [result] = await api.record({ ...activity, address: 'SF-10 recorded', longevity: 'PT30H' });
    expect(result).toMatchObject({ conversationId: expect.any(String) });
    expect(await api.engine.latest('SF-10 recorded')).toMatchObject({ status: 'NEW', longevity_hours: 30 });
  });
});

it('SF-10 a profile with other bounds moves a longevity to the nearest, also among late activities', async () => {
  const engine = await openEngine(at('12:00'));
  const longevity = parseDuration('PT3H', 'longevity');
  await engine.does('narrowed', { kind: 'START', by: 'AUTOMATION', longevity });
  await engine.runUntil(at('13:00'));
  const { deps, accountId } = engine;
  const author = { changedBy: 'test', why: null };
  await setProfile(deps, accountId, { profile: 'SALESFORCE', expectedVersion: null }, author);
  expect(await engine.does('narrowed', { kind: 'COMMENT' }, { at: at('12:30') })).toMatchObject({
    outcome: 'APPLIED',
  });
  const due = new Date(at('12:00').getTime() + 24 * HOUR);
  await engine.runUntil(new Date(due.getTime() - 1));
  expect(await engine.latest('narrowed')).toMatchObject({ status: 'NEW', longevity_hours: 3 });
  await engine.runUntil(due);
  expect(await engine.latest('narrowed')).toMatchObject({ end_reason: 'UNANSWERED', ended_at: due });
  await engine.drop();
});
