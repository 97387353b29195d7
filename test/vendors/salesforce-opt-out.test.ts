import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NotAllowedError } from '../../src/domain/errors.ts';
import { type Api, openApi } from '../http/open-api.ts';
import { at, DAY, HOUR, MINUTE } from '../support/engine.ts';
import { ALL_CHANNELS, type ChannelName, openSessions, type Sessions } from './sessions.ts';

let api: Api;
let sessions: Sessions;
beforeAll(async () => {
  api = await openApi(at('12:00'), { profile: 'SALESFORCE' });
  sessions = await openSessions(api.engine);
});
afterAll(() => api.close());

const now = () => api.engine.clock.now();
const inMs = (ms: number) => new Date(now().getTime() + ms);
const on = (name: ChannelName) => sessions.on(name);
const latest = (address: string) => api.engine.latest(address);
const hold = { kind: 'HOLD', until: null } as const;
const OPTED_OUT = { status: 'ENDED', end_reason: 'OPT_OUT', ended_by: 'CUSTOMER', lateness_ms: null };

async function consentOf(address: string) {
  const [row] = await api.engine.db
    .sql`select consent from contact where account_id = ${api.engine.accountId} and address = ${address}`;
  return row?.consent;
}

/** The ledger of an address, oldest first. */
async function ledger(address: string) {
  return await api.engine.db.sql`
    select consent_change.consent, source, at from consent_change join contact on contact.account_id = consent_change.account_id and contact.id = contact_id
    where contact.account_id = ${api.engine.accountId} and address = ${address} order by consent_change.id`;
}

describe('an opt-out', () => {
  it.each(ALL_CHANNELS)('SF-11 on %s ends the session at once, and nothing more is sent', async (name) => {
    const channel = on(name);
    const address = `SF-11 ${name}`;
    await channel.answered(address);
    api.engine.clock.advance(1);
    const stop = await channel.writes(address, 'STOP');
    expect(stop).toMatchObject({ outcome: 'APPLIED', error: null });
    const ended = await latest(address);
    expect(ended).toMatchObject({ ...OPTED_OUT, ended_at: now(), credited_agent_id: api.engine.ann });
    expect((await api.engine.feed(ended.id)).at(-1)).toMatchObject({ kind: 'INBOUND', effect: 'ENDED' });
    expect(await consentOf(address)).toBe('OPTED_OUT');
    for (const send of [channel.begins, channel.notifies, channel.answers]) {
      const { outcome, error } = await send(address);
      expect(outcome).toBe('REFUSED');
      expect(error).toBeInstanceOf(NotAllowedError);
    }
    expect(await api.engine.conversations(address)).toEqual([ended]);
  });

  it.each([
    ['NEW', (address: string) => on('in-app chat').begins(address)],
    ['WAITING', (address: string) => on('in-app chat').writes(address)],
    ['ACTIVE', (address: string) => on('in-app chat').answered(address)],
    ['INACTIVE', (address: string) => on('in-app chat').inactive(address)],
  ])('SF-11 ends a session that is %s, and one on hold', async (status, begin) => {
    for (const held of [false, true]) {
      const address = `SF-11 ${status} ${held}`;
      await begin(address);
      if (held) await on('in-app chat').does(address, hold);
      expect(await latest(address)).toMatchObject({ status, held });
      await on('in-app chat').writes(address, 'unsubscribe');
      expect(await api.engine.conversations(address)).toHaveLength(1);
      expect(await latest(address)).toMatchObject({
        ...OPTED_OUT,
        former_status: status,
        ended_at: now(),
        held: false,
      });
    }
  });

  it('SF-11 of somebody without a session is kept, and leaves none open', async () => {
    await on('sms').writes('SF-11 nobody', 'STOP');
    expect(await api.engine.conversations('SF-11 nobody')).toHaveLength(1);
    expect(await latest('SF-11 nobody')).toMatchObject({ ...OPTED_OUT, ended_at: now() });
    expect((await on('sms').begins('SF-11 nobody')).outcome).toBe('REFUSED');
  });

  it('SF-11 after the session ended changes nothing of how it ended', async () => {
    await on('sms').answered('SF-11 after');
    await on('sms').does('SF-11 after', { kind: 'END', by: 'AGENT' });
    const ended = await latest('SF-11 after');
    await on('sms').writes('SF-11 after', 'STOP');
    expect(await api.engine.conversations('SF-11 after')).toEqual([
      { ...ended, revision: Number(ended.revision) + 1 },
    ]);
    expect(await consentOf('SF-11 after')).toBe('OPTED_OUT');
  });

  it('SF-11 that was sent before other messages and arrives after them ends it, too', async () => {
    await on('whatsapp').answered('SF-11 late');
    const sent = inMs(MINUTE);
    api.engine.clock.advance(2 * MINUTE);
    await on('whatsapp').answered('SF-11 late');
    await on('whatsapp').writes('SF-11 late', 'STOP', { at: sent });
    expect(await latest('SF-11 late')).toMatchObject({ ...OPTED_OUT, ended_at: now() });
    expect(await ledger('SF-11 late')).toMatchObject([{ consent: 'OPTED_OUT', at: sent }]);
  });

  it('SF-11 LL-2 that was sent before a timer ended it does not bring it back', async () => {
    await on('whatsapp').inactive('SF-11 ended');
    const sent = inMs(DAY - 1);
    await api.engine.jumpTo(inMs(DAY));
    const ended = await latest('SF-11 ended');
    expect(ended).toMatchObject({ end_reason: 'INACTIVE', ended_at: now() });
    await on('whatsapp').writes('SF-11 ended', 'STOP', { at: sent });
    expect(await latest('SF-11 ended')).toMatchObject({ end_reason: 'INACTIVE', ended_at: now() });
    expect(await consentOf('SF-11 ended')).toBe('OPTED_OUT');
  });

  it('SF-11 that is delivered again is a duplicate, even if they came back meanwhile', async () => {
    await on('sms').answered('SF-11 again');
    const stop = () => on('sms').writes('SF-11 again', 'STOP', { messageId: 'SF-11 again' });
    expect((await stop()).outcome).toBe('APPLIED');
    api.engine.clock.advance(MINUTE);
    await on('sms').writes('SF-11 again', 'START');
    const before = await api.engine.conversations('SF-11 again');
    expect((await stop()).outcome).toBe('DUPLICATE');
    expect(await api.engine.conversations('SF-11 again')).toEqual(before);
    expect((await ledger('SF-11 again')).map(({ consent }) => consent)).toEqual(['OPTED_OUT', 'OPTED_IN']);
    expect(await consentOf('SF-11 again')).toBe('OPTED_IN');
  });

  it('SF-11 PE-12 is taken back by opting in: they can be written to again', async () => {
    await on('sms').writes('SF-11 back', 'STOP');
    api.engine.clock.advance(1);
    await on('sms').writes('SF-11 back', 'start');
    await on('sms').does('SF-11 back', { kind: 'END', by: 'AGENT' });
    expect(await on('sms').begins('SF-11 back')).toMatchObject({ outcome: 'APPLIED' });
    expect(await latest('SF-11 back')).toMatchObject({ status: 'NEW' });
  });

  it('SF-11 SF-14 who writes again without opting in has a new session, and no more is begun with them', async () => {
    await on('sms').writes('SF-11 writes', 'STOP');
    await on('sms').inactive('SF-11 writes');
    expect(await latest('SF-11 writes')).toMatchObject({ status: 'INACTIVE' });
    expect(await consentOf('SF-11 writes')).toBe('OPTED_OUT');
    const before = await api.engine.conversations('SF-11 writes');
    expect((await on('sms').answers('SF-11 writes')).error).toBeInstanceOf(NotAllowedError);
    expect(await api.engine.conversations('SF-11 writes')).toEqual(before);
  });

  it('SF-11 nothing of what was written is stored anywhere, nor logged', async () => {
    await on('messenger').answered('SF-11 text');
    const channelId = api.id('Channel', sessions.idOf('messenger'));
    const said = { kind: 'INBOUND', channelId, address: 'SF-11 text' };
    await api.record({ ...said, text: 'sesame opens no door' }, { ...said, text: '\t StOp ' });
    await api.record({ ...said, text: 'sesame' });
    expect(await consentOf('SF-11 text')).toBe('OPTED_OUT');
    const { sql } = api.engine.db;
    const columns = await sql`
      select table_name, column_name from information_schema.columns
      where table_schema = 'public' and (data_type in ('text', 'jsonb', 'json', 'character varying', 'ARRAY', 'bytea'))`;
    expect(columns.length).toBeGreaterThan(50);
    for (const { table_name: table, column_name: column } of columns) {
      const found =
        await sql`select ${sql(column)} as value from ${sql(table)} where ${sql(column)}::text ~* '(stop|sesame)'`;
      expect({ table, column, found: [...found] }).toEqual({ table, column, found: [] });
    }
    expect(api.logged()).not.toMatch(/stop|sesame/i);
  });
});

describe('over the API', () => {
  const START = `mutation ($channelId: ID!, $by: Beginner!, $address: String!) {
    startConversation(channelId: $channelId, address: $address, by: $by) {
      __typename ... on Conversation { id } ... on NotAllowedError { code message command status }
    }
  }`;

  it('SF-11 startConversation is refused with the reason, whoever begins it', async () => {
    await on('line').writes('SF-11 api', 'STOP');
    const before = await api.engine.conversations('SF-11 api');
    for (const by of ['AGENT', 'AUTOMATION']) {
      const variables = { channelId: api.id('Channel', sessions.idOf('line')), by, address: 'SF-11 api' };
      expect((await api.ask(START, variables)).data.startConversation).toEqual({
        ...{ __typename: 'NotAllowedError', code: 'NOT_ALLOWED', command: 'START', status: 'ENDED' },
        message: 'the customer opted out: nothing more is sent to them here',
      });
    }
    expect(await api.engine.conversations('SF-11 api')).toEqual(before);
  });

  it.each(ALL_CHANNELS)('SF-11 LL-14 on %s the customer sees nothing of the end', async (name) => {
    await on(name).answered(`SF-11 closing ${name}`);
    await on(name).writes(`SF-11 closing ${name}`, 'STOP');
    const id = api.id('Conversation', (await latest(`SF-11 closing ${name}`)).id);
    const { data } = await api.ask(
      `query ($id: ID!) { node(id: $id) { ... on Conversation {
        ending { reason by } closing { survey closeMessage separator template reasons { survey closeMessage separator } }
      } } }`,
      { id },
    );
    const why = 'the customer opted out';
    expect(data.node).toEqual({
      ending: { reason: 'OPT_OUT', by: 'CUSTOMER' },
      closing: {
        ...{ survey: false, closeMessage: null, separator: false, template: null },
        reasons: { survey: why, closeMessage: why, separator: why },
      },
    });
  });

  it('SF-11 LL-14 nor of a session that another reason ends while they are opted out', async () => {
    await on('whatsapp').writes('SF-11 later', 'STOP');
    await on('whatsapp').answered('SF-11 later');
    await api.engine.jumpTo(inMs(HOUR));
    await on('whatsapp').does('SF-11 later', { kind: 'END', by: 'AGENT' });
    const id = api.id('Conversation', (await latest('SF-11 later')).id);
    const { data } = await api.ask(
      'query ($id: ID!) { node(id: $id) { ... on Conversation { closing { survey closeMessage } } } }',
      { id },
    );
    expect(data.node.closing).toEqual({ survey: false, closeMessage: null });
  });
});
