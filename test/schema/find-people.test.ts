import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Api, openApi } from '../http/open-api.ts';
import { at, DAY, MINUTE } from '../support/engine.ts';
import { ensureChannel } from '../support/flows.ts';

let api: Api;
let app: string;
const ids: Record<string, string> = {};
const NUMBER = '+31600000001';
beforeAll(async () => {
  api = await openApi(at('12:00'));
  const { deps, accountId } = api.engine;
  await api.engine.policy({ autoCloseAfter: 'PT2H' });
  app = api.id(
    'Channel',
    await ensureChannel(deps, accountId, { name: 'app', adapter: 'in-app', settings: {} }),
  );
  await come('former', api.channel, NUMBER);
  await api.record({ kind: 'END', conversationId: ids.former, by: 'AGENT' });
  api.engine.clock.advance(60 * DAY);
  await come('present', api.channel, NUMBER);
  await come('in the app', app, NUMBER);
  await come('of another', api.channel, `${NUMBER}0`);
});
afterAll(() => api.close());

async function come(name: string, channelId: string, address: string): Promise<void> {
  api.engine.clock.advance(MINUTE);
  const [{ conversationId }] = await api.record(
    { kind: 'INBOUND', channelId, address },
    { kind: 'OUTBOUND', channelId, address, sender: 'AGENT', agentId: api.ann },
  );
  ids[name] = conversationId;
}
async function list(filter: string, more = '') {
  const answer = await api.ask(`{ conversations(filter: { ${filter} }${more}) { nodes { id } } }`);
  expect(answer.errors).toBeUndefined();
  const nodes: { id: string }[] = answer.data.conversations.nodes;
  return nodes.map(({ id }) => Object.keys(ids).find((name) => ids[name] === id));
}
const contact = (channelId: string, address: string) =>
  api.ask(
    `query ($channelId: ID!, $address: String!) { contact(channelId: $channelId, address: $address) { id address channel { id } } }`,
    { channelId, address },
  );

describe('ConversationFilter.address', () => {
  it('lists the conversations with exactly that address, on all channels and ended ones included', async () => {
    expect(await list(`address: "${NUMBER}"`)).toEqual(['in the app', 'present', 'former']);
    expect(await list('address: "+3160000000"')).toEqual([]);
  });

  it('combines with all other fields and with every order', async () => {
    expect(await list(`address: "${NUMBER}", channelId: "${api.channel}"`)).toEqual(['present', 'former']);
    expect(await list(`address: "${NUMBER}", status: [ENDED]`)).toEqual(['former']);
    expect(await list(`address: "${NUMBER}", agentId: "${api.bob}"`)).toEqual([]);
    const byDue = ', orderBy: { field: DUE }';
    expect(await list(`address: "${NUMBER}"`, byDue)).toEqual(['present', 'in the app']);
    expect(await list(`address: "${NUMBER}", channelId: "${app}"`, byDue)).toEqual(['in the app']);
    const byActivity = ', orderBy: { field: LAST_ACTIVITY, direction: DESC }';
    expect(await list(`address: "${NUMBER}"`, byActivity)).toEqual(['in the app', 'present']);
    expect(await list(`address: "${NUMBER}", dueBefore: "2026-01-01T00:00:00Z"`)).toEqual([]);
  });

  it('is read in pages, from either end, with the contact and the closing of each', async () => {
    const page = async (args: string) =>
      (
        await api.ask(
          `{ conversations(filter: { address: "${NUMBER}" }, ${args}) { nodes { id contact { address } closing { survey } agent { name } } pageInfo { endCursor hasNextPage } } }`,
        )
      ).data.conversations;
    const first = await page('first: 2');
    expect(first.nodes.map(({ id }: { id: string }) => id)).toEqual([ids['in the app'], ids.present]);
    expect(first.nodes[0].contact).toEqual({ address: NUMBER });
    expect(first.pageInfo.hasNextPage).toBe(true);
    const rest = await page(`first: 2, after: "${first.pageInfo.endCursor}"`);
    expect(rest.nodes.map(({ id }: { id: string }) => id)).toEqual([ids.former]);
    expect((await page('last: 1')).nodes.map(({ id }: { id: string }) => id)).toEqual([ids.former]);
  });

  it('refuses an empty address and one that is too long, and names the field', async () => {
    for (const address of ['', 'x'.repeat(257)]) {
      const { errors } = await api.ask(
        `{ conversations(filter: { address: "${address}" }) { nodes { id } } }`,
      );
      expect(errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_INPUT', field: 'filter.address' });
    }
  });

  it('selects for endConversations only the conversations with that address', async () => {
    await come('to end', api.channel, 'to end');
    const answer = await api.ask(
      'mutation { endConversations(filter: { address: "to end" }, by: AGENT, limit: 10) { ... on EndedConversations { results { conversation { id } } } ... on Error { message } } }',
    );
    expect(answer.data.endConversations.results).toEqual([{ conversation: { id: ids['to end'] } }]);
    expect(await list(`address: "${NUMBER}", status: [ACTIVE]`)).toHaveLength(2);
  });
});

describe('contact', () => {
  it('finds a contact by channel and exact address; null if there is none', async () => {
    const { data } = await contact(app, NUMBER);
    expect(data.contact).toMatchObject({ address: NUMBER, channel: { id: app } });
    expect((await contact(app, 'nobody')).data).toEqual({ contact: null });
  });

  it('refuses an unknown channel and a malformed address, and names the argument', async () => {
    const unknown = api.id('Channel', api.engine.deps.newId());
    expect((await contact(unknown, NUMBER)).errors?.[0]?.extensions).toMatchObject({
      ...{ code: 'NOT_FOUND', field: 'channelId' },
    });
    expect((await contact(app, '')).errors?.[0]?.extensions).toMatchObject({
      ...{ code: 'INVALID_INPUT', field: 'address' },
    });
  });

  it('needs the scope conversations:read', async () => {
    const key = await api.makeKey(['activities:write']);
    const answer = await api.ask(`{ contact(channelId: "${app}", address: "${NUMBER}") { id } }`, {}, key);
    expect(answer.data?.contact ?? null).toBeNull();
    expect(answer.errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN' });
  });

  it('PE-15 erasing a number takes two steps: look it up, and erase it', async () => {
    await come('to erase', app, '+31600000009');
    const id = (await contact(app, '+31600000009')).data.contact.id;
    const erased = await api.ask(
      'mutation ($id: ID!) { eraseContact(contactId: $id, by: AGENT) { ... on Contact { id address } } }',
      { id },
    );
    expect(erased.data.eraseContact).toEqual({ id, address: null });
    expect((await contact(app, '+31600000009')).data).toEqual({ contact: null });
    expect(await list('address: "+31600000009"')).toEqual([]);
  });
});
