import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Api, openApi } from '../http/open-api.ts';
import { at, DAY } from '../support/engine.ts';
import { ensureChannel } from '../support/flows.ts';

const SHOWN = { secret: 'a secret for the tests', showSurvey: true, showCloseMessage: true };
let api: Api;
const channels: Record<string, string> = {};
beforeAll(async () => {
  api = await openApi(at('12:00'));
  const { deps, accountId } = api.engine;
  for (const [name, adapter, settings] of [
    ['page', 'web', SHOWN],
    ['app', 'in-app', SHOWN],
    ['quiet app', 'in-app', { ...SHOWN, showSurvey: false }],
  ] as const)
    channels[name] = api.id('Channel', await ensureChannel(deps, accountId, { name, adapter, settings }));
});
afterAll(() => api.close());

const CLOSING = 'closing { survey closeMessage separator reasons { survey closeMessage separator } }';
const one = async (id: string, query = CLOSING) =>
  (await api.ask(`query ($id: ID!) { conversation(id: $id) { ${query} } }`, { id })).data.conversation;
/** Creates a conversation whose customer uses a client of this version and was answered. */
async function answered(channel: string, address: string, clientVersion?: string): Promise<string> {
  const where = { channelId: channels[channel], address };
  const [{ conversationId }] = await api.record(
    { kind: 'INBOUND', ...where, ...(clientVersion ? { clientVersion } : {}) },
    { kind: 'OUTBOUND', ...where, sender: 'AGENT', agentId: api.ann },
  );
  return conversationId;
}
const silent = (why: string) => ({
  closing: {
    ...{ survey: false, closeMessage: null, separator: false },
    reasons: { survey: why, closeMessage: why, separator: why },
  },
});

describe('closing', () => {
  it('LP-2 an automatic close is silent on the web, and in an app with SDK 2.1', async () => {
    const page = await answered('page', 'web');
    const app = await answered('app', 'new sdk', '2.1');
    expect(await one(page)).toEqual(silent('an automatic close is silent on the web'));
    expect(await one(app)).toEqual(silent('an automatic close is silent from SDK 2.1 on'));
  });

  it('LP-9 an older SDK shows the survey and the close message if its settings say so', async () => {
    expect(await one(await answered('app', 'old sdk', '2.0'))).toMatchObject({
      closing: { survey: true, closeMessage: 'Conversation resolved by you', separator: true },
    });
    expect(await one(await answered('quiet app', 'old sdk', '2.0'))).toMatchObject({
      closing: {
        ...{ survey: false, closeMessage: 'Conversation resolved by you' },
        reasons: { survey: 'the client is configured not to show it' },
      },
    });
  });

  it('LL-14 the closing predicted for an open conversation is the one that its timer brings', async () => {
    const ids = [await answered('page', 'foresees'), await answered('app', 'foresees', '1.9')];
    const foreseen = await Promise.all(ids.map((id) => one(id)));
    await api.engine.runUntil(new Date(api.engine.clock.now().getTime() + 91 * DAY));
    for (const [index, id] of ids.entries()) {
      expect(await one(id, 'ending { reason }')).toEqual({ ending: { reason: 'AUTO_CLOSE' } });
      expect(await one(id)).toEqual(foreseen[index]);
    }
  });

  it('LL-14 a changed channel setting shows in the next list and the next single read', async () => {
    const { deps, accountId } = api.engine;
    const channel = { name: 'changing app', adapter: 'in-app', settings: SHOWN };
    channels.changing = api.id('Channel', await ensureChannel(deps, accountId, channel));
    const open = await answered('changing', 'changing', '2.0');
    const ended = await answered('changing', 'changing ended', '2.0');
    await api.record({ kind: 'END', conversationId: ended, by: 'AGENT' });
    const shown = async (field: string) => {
      const { data, errors } = await api.ask(
        `query ($channelId: ID!, $field: ConversationOrderField!) {
          conversations(filter: { channelId: $channelId }, orderBy: { field: $field }) { nodes { id ${CLOSING} } } }`,
        { channelId: channels.changing, field },
      );
      expect(errors).toBeUndefined();
      return data.conversations.nodes;
    };
    const closing = (survey: boolean, closeMessage: string | null) => {
      const why = (isShown: boolean) => `the client is configured ${isShown ? '' : 'not '}to show it`;
      const reasons = { survey: why(survey), closeMessage: why(closeMessage !== null) };
      return { survey, closeMessage, separator: true, reasons };
    };
    const expectShown = async (survey: boolean, isSaid: boolean) => {
      const opens = { id: open, closing: closing(survey, isSaid ? 'Conversation resolved by you' : null) };
      const ends = { id: ended, closing: closing(survey, isSaid ? 'Conversation resolved' : null) };
      expect(await shown('STARTED')).toMatchObject([opens, ends]);
      expect(await shown('DUE')).toMatchObject([opens]);
      expect(await shown('LAST_ACTIVITY')).toMatchObject([opens]);
      expect(await one(open)).toMatchObject({ closing: opens.closing });
    };
    const set = async (settings: object) => {
      const { data } = await api.ask(
        'mutation ($input: UpdateChannelInput!) { updateChannel(input: $input) { __typename } }',
        { input: { channelId: channels.changing, settings } },
      );
      expect(data).toEqual({ updateChannel: { __typename: 'Channel' } });
    };
    await expectShown(true, true);
    await set({ showSurvey: false });
    await expectShown(false, true);
    await set({ showSurvey: true, showCloseMessage: false });
    await expectShown(true, false);
  });

  it('LL-14 an end by command uses the reason COMMAND', async () => {
    const id = await answered('page', 'by command');
    await api.record({ kind: 'END', conversationId: id, by: 'AGENT' });
    expect(await one(id)).toMatchObject({
      closing: { survey: true, closeMessage: 'Conversation resolved', separator: true },
    });
  });

  it('SF-11 a customer who opted out is shown nothing', async () => {
    const id = await answered('app', 'opted out', '2.0');
    await api.engine.db.sql`update contact set consent = 'OPTED_OUT' where address = 'opted out'`;
    expect(await one(id)).toEqual(silent('the customer opted out'));
  });

  it('PE-4 outside the reply window, counted from the customer’s last message, nothing is sent', async () => {
    const id = await answered('app', 'window', '2.0');
    const { rules, accountId } = { rules: api.deps.rules, accountId: api.engine.accountId };
    const { channels: setups } = await rules.newest(accountId);
    const setup = setups.get(atob(channels.app as string).split(':')[1] as string);
    const { Temporal } = await import('temporal-polyfill');
    const withWindow = async (days: number) => {
      Object.assign(setup as object, {
        rules: { ...setup?.rules, replyWindow: Temporal.Duration.from({ days }) },
      });
      return (await one(id)).closing;
    };
    const own = setup?.rules;
    expect(await withWindow(89)).toMatchObject({
      ...{ survey: false, closeMessage: null, separator: true },
      reasons: { survey: 'the reply window is closed', closeMessage: 'the reply window is closed' },
    });
    expect(await withWindow(90)).toMatchObject({
      survey: true,
      closeMessage: 'Conversation resolved by you',
    });
    Object.assign(setup as object, { rules: own });
  });

  it('is null if no timer would end the conversation', async () => {
    const id = await answered('page', 'aside');
    await api.engine.db
      .sql`update conversation set lane_id = null where id = ${atob(id).split(':')[1] ?? ''}`;
    expect(await one(id)).toEqual({ closing: null });
  });

  it('is an error naming the setting if the adapter refuses the settings of the channel', async () => {
    const [{ conversationId }] = await api.record({
      kind: 'INBOUND',
      channelId: api.channel,
      address: 'bare',
    });
    const { data, errors } = await api.ask(`{ conversation(id: "${conversationId}") { status ${CLOSING} } }`);
    expect(data.conversation).toEqual({ status: 'WAITING', closing: null });
    expect(errors).toMatchObject([{ extensions: { code: 'INVALID_INPUT', field: 'settings.secret' } }]);
  });
});
