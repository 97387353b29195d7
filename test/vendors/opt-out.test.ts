import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accepted } from '../../src/adapters/adapter.ts';
import { BUILT_IN } from '../../src/adapters/built-in.ts';
import { createRegistry } from '../../src/adapters/registry.ts';
import { deliverMessage } from '../../src/delivery/deliver-message.ts';
import { type Api, openApi } from '../http/open-api.ts';
import { at, HOUR, MINUTE } from '../support/engine.ts';
import { openSender } from '../support/flows.ts';
import { ALL_CHANNELS, type ChannelName, openSessions, type Sessions } from './sessions.ts';

let api: Api;
let sessions: Sessions;
beforeAll(async () => {
  api = await openApi(at('12:00'));
  sessions = await openSessions(api.engine);
});
afterAll(() => api.close());

const WORDS = ['STOP', 'STOPALL', 'UNSUBSCRIBE', 'CANCEL', 'END', 'QUIT', 'REVOKE', 'OPTOUT', 'OPT OUT'];
const isTexting = (name: ChannelName) => /sms|whatsapp/.test(name);
const TEXTING = ALL_CHANNELS.filter(isTexting);
const OTHERS = ALL_CHANNELS.filter((name) => !isTexting(name));
const ENDED = { status: 'ENDED', end_reason: 'OPT_OUT', ended_by: 'CUSTOMER' };
const on = (name: ChannelName) => sessions.on(name);

/** What becomes of a conversation, and of the customer's consent, by a message. */
async function turns(name: ChannelName, text: string) {
  const address = `${name}: ${JSON.stringify(text).slice(1, -1)}`;
  await on(name).answered(address);
  api.engine.clock.advance(1);
  await on(name).writes(address, text);
  const { status } = await api.engine.latest(address);
  return { status, consent: (await contact(address)).consent };
}
const OUT = { status: 'ENDED', consent: 'OPTED_OUT' };
const STAYS = { status: 'ACTIVE', consent: 'UNKNOWN' };

/** The contact of an address as the API has it. */
async function contact(address: string) {
  const { id } = await api.engine.latest(address);
  const { data } = await api.ask(
    `query ($id: ID!) { node(id: $id) { ... on Conversation {
      contact { consent consentChanges { consent source at } } } } }`,
    { id: api.id('Conversation', id) },
  );
  return data.node.contact as { consent: string; consentChanges: Record<string, string>[] };
}

describe('opting out', () => {
  it.each(TEXTING)('PE-12 on %s every word of the list ends the conversation', async (name) => {
    for (const word of WORDS) expect([word, await turns(name, word)]).toEqual([word, OUT]);
    expect(await api.engine.latest(`${name}: QUIT`)).toMatchObject(ENDED);
  });

  it.each(OTHERS)('PE-12 on %s STOP and UNSUBSCRIBE do, and no other word of it', async (name) => {
    for (const word of WORDS) {
      const isOut = word === 'STOP' || word === 'UNSUBSCRIBE';
      expect([word, await turns(name, word)]).toEqual([word, isOut ? OUT : STAYS]);
    }
  });

  it('PE-12 any case counts, and space around does not', async () => {
    for (const text of [
      'stop',
      'Stop',
      'sToPaLl',
      '  STOP',
      'STOP \n',
      '\t unsubscribe\r\n',
      'opt out',
      ' Opt Out ',
    ])
      expect([text, await turns('sms', text)]).toEqual([text, OUT]);
  });

  it('PE-12 only a whole message counts', async () => {
    for (const text of [
      'STOP it',
      'please stop by tomorrow',
      "don't stop",
      'S T O P',
      'STOP STOP',
      'nonstop',
      '',
    ])
      expect([text, await turns('sms', text)]).toEqual([text, STAYS]);
  });

  it.each(ALL_CHANNELS)(
    'PE-12 on %s punctuation, quotes, emoji, invisible characters and thanks do not keep STOP from being one',
    async (name) => {
      for (const text of ['Stop.', 'STOP!', '"STOP"', 'Stop. Thank you', 'S\u200bTOP\ufeff', 'ＳＴＯＰ 🙏🏽'])
        expect([text, await turns(name, text)]).toEqual([text, OUT]);
    },
  );

  it.each(ALL_CHANNELS)('PE-12 on %s HELP and INFO are no opt-out, nor an opt-in', async (name) => {
    for (const text of ['HELP', 'info']) expect([text, await turns(name, text)]).toEqual([text, STAYS]);
    await on(name).writes(`${name} help`, 'STOP');
    await on(name).writes(`${name} help`, 'HELP');
    expect(await contact(`${name} help`)).toMatchObject({ consent: 'OPTED_OUT' });
  });
});

describe('coming back', () => {
  it.each(ALL_CHANNELS)('PE-12 on %s by START, UNSTOP or YES', async (name) => {
    for (const word of ['START', 'unstop', ' Yes ']) {
      await on(name).writes(`${name} ${word}`, 'STOP');
      api.engine.clock.advance(1);
      await on(name).writes(`${name} ${word}`, word);
      expect([word, await contact(`${name} ${word}`)]).toMatchObject([word, { consent: 'OPTED_IN' }]);
    }
  });

  it('PE-12 YES says nothing unless it comes from someone who opted out; START does', async () => {
    expect(await turns('sms', 'YES')).toEqual(STAYS);
    expect((await contact('sms: YES')).consentChanges).toEqual([]);
    expect(await turns('sms', 'START')).toEqual({ status: 'ACTIVE', consent: 'OPTED_IN' });
    await on('sms').writes('sms: START', 'YES');
    expect((await contact('sms: START')).consentChanges).toHaveLength(1);
  });

  it('PE-12 SP-7 it begins a conversation: the one that opting out ended is not reopened', async () => {
    await on('sms').answered('begins');
    await on('sms').writes('begins', 'STOP');
    await on('sms').writes('begins', 'START');
    const [ended, begun] = await api.engine.conversations('begins');
    expect(ended).toMatchObject(ENDED);
    expect(begun).toMatchObject({ status: 'WAITING', previous_id: ended?.id });
  });
});

describe('words of an account', () => {
  it('PE-12 count beside those of the channel, on the channel they are set for', async () => {
    await on('line').policy({ optOutWords: ['Basta', 'keine Nachrichten'] });
    expect(await turns('line', ' BASTA ')).toEqual(OUT);
    expect(await turns('line', 'Keine nachrichten')).toEqual(OUT);
    expect(await turns('line', 'STOP')).toEqual(OUT);
    expect(await turns('line', '¡Basta, gracias!')).toEqual(OUT);
    expect(await turns('line', 'basta cosi')).toEqual(STAYS);
    expect(await turns('messenger', 'basta')).toEqual(STAYS);
    await on('line').policy({ optOutWords: null });
    expect(await turns('line', 'Basta')).toEqual(STAYS);
  });

  it('PE-12 LP-4 of a skill count in its conversations', async () => {
    const { sales, care } = api.engine;
    await api.engine.policy({ optOutWords: ['enough'] }, { skillId: sales });
    for (const [address, skillId] of [
      ['with sales', sales],
      ['with care', care],
    ] as const) {
      await on('sms').does(address, { kind: 'INBOUND', skillId });
      await on('sms').writes(address, 'Enough');
    }
    expect(await api.engine.latest('with sales')).toMatchObject(ENDED);
    expect(await api.engine.latest('with care')).toMatchObject({ status: 'WAITING' });
    await api.engine.policy({ optOutWords: null }, { skillId: sales });
  });
});

describe('the ledger of consents', () => {
  const said = (address: string, more: Record<string, string>) =>
    api.record({ kind: 'INBOUND', channelId: api.id('Channel', sessions.idOf('sms')), address, ...more });

  it('PE-12 keeps everything that was said, the newest first, with who took it for that', async () => {
    const times: string[] = [];
    const says = async (more: Record<string, string>) => {
      api.engine.clock.advance(MINUTE);
      times.unshift(api.engine.clock.now().toISOString());
      await said('ledger', more);
    };
    await says({ text: 'Hello' });
    await says({ text: 'stop' });
    await says({ keyword: 'OPT_IN', text: 'I am back' });
    await says({ keyword: 'HELP', text: 'STOP' });
    await says({ keyword: 'OPT_OUT' });
    await says({ text: 'yes' });
    const { consent, consentChanges } = await contact('ledger');
    expect(consent).toBe('OPTED_IN');
    expect(consentChanges).toEqual([
      { consent: 'OPTED_IN', source: 'KEYWORD', at: times[0] },
      { consent: 'OPTED_OUT', source: 'PROVIDER', at: times[1] },
      { consent: 'OPTED_IN', source: 'PROVIDER', at: times[3] },
      { consent: 'OPTED_OUT', source: 'KEYWORD', at: times[4] },
    ]);
  });

  it('PE-12 grows, and changes no line, even by what was said earlier and comes late', async () => {
    await said('late', { text: 'STOP' });
    const sent = api.engine.clock.now().toISOString();
    api.engine.clock.advance(HOUR);
    await said('late', { text: 'START' });
    const before = (await contact('late')).consentChanges;
    await said('late', { text: 'UNSUBSCRIBE', at: sent });
    const { consent, consentChanges } = await contact('late');
    expect(consentChanges).toHaveLength(3);
    expect(consentChanges.filter(({ at: when }) => when !== sent)).toEqual(before.slice(0, 1));
    expect(consentChanges).toEqual(expect.arrayContaining(before));
    expect(consent).toBe('OPTED_IN');
  });

  it('PE-12 a message that is delivered twice is one line of it', async () => {
    for (const outcome of ['APPLIED', 'DUPLICATE'])
      expect(await said('twice', { text: 'STOP', messageId: 'twice' })).toMatchObject([{ outcome }]);
    expect((await contact('twice')).consentChanges).toHaveLength(1);
  });

  it('PE-12 is kept apart for every channel: who opts out of one has not of another', async () => {
    await on('sms').writes('everywhere', 'STOP');
    expect(await on('whatsapp').begins('everywhere')).toMatchObject({ outcome: 'APPLIED' });
    expect(await on('sms').begins('everywhere')).toMatchObject({ outcome: 'REFUSED' });
  });
});

it('SF-11 PE-2 a warning that is on its way when the customer opts out is not sent, nor is a close message', async () => {
  const { engine } = api;
  const sent: string[] = [];
  const registry = createRegistry(
    BUILT_IN.map((adapter) => ({
      ...adapter,
      deliver: async ({ address }) => accepted(String(sent.push(address))),
    })),
  );
  const deps = {
    ...engine.deps,
    registry,
    settings: api.deps.settings,
    limit: async () => 0,
    fetchWithin: api.deps.fetchWithin,
  };
  const none = async () => ({ state: 'SENT' }) as const;
  const handlers = { DELIVER_MESSAGE: deliverMessage(deps), SEND_WEBHOOK: none };
  // What is sent at an end is planned first, and then owed itself.
  const relayAll = async () => {
    await openSender(engine.deps, handlers, api.deps.log).drain();
  };

  await on('sms').policy({ autoCloseAfter: 'PT2H', remindBefore: ['PT1H'] });
  await on('sms').answered('warned');
  await on('sms').answered('stopped');
  await engine.jumpTo(new Date(engine.clock.now().getTime() + HOUR));
  await on('sms').writes('stopped', 'STOP');
  await relayAll();
  expect(sent.filter((address) => address === 'warned')).toHaveLength(1);
  expect(sent).not.toContain('stopped');
  await engine.jumpTo(new Date(engine.clock.now().getTime() + HOUR));
  await relayAll();
  expect(sent.filter((address) => address === 'warned').length).toBeGreaterThan(1);
  expect(sent).not.toContain('stopped');
  await on('sms').policy({ autoCloseAfter: null, remindBefore: null });
});
