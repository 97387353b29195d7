import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Got, Sent } from './ask.ts';
import { send } from './ask.ts';
import { CHANNELS } from './signing.ts';
import { openWorld, type World } from './world.ts';

/** Customers' addresses of every kind; no line of the log may contain one at any level. */
const ADDRESSES = [
  '+4915198765432',
  '4915198765432',
  'ada.marked@customer.example',
  'marked-visitor-of-the-web',
];
const RECORD =
  'mutation ($input: RecordActivitiesInput!) { recordActivities(input: $input) { __typename ... on RecordedActivities { results { outcome error { code } } } } }';

let world: World;
beforeAll(async () => {
  world = await openWorld({ LOG_LEVEL: 'trace' });
});
afterAll(async () => {
  expect(await world.close()).toEqual({ code: 0, signal: null });
});

/** Sends a request whose answer does not matter here; it may cause a logged server error. */
const ask = (sent: Sent): Promise<Got> => send(world.url, sent);

/** Every way in which an address enters: by the API, by providers, and in refused calls. */
async function tryEverything(address: string): Promise<void> {
  const { ours } = world;
  for (const channelId of Object.values(ours.channels).map((id) =>
    Buffer.from(`Channel:${id}`).toString('base64'),
  )) {
    const target = { channelId, address };
    const activities = [
      { ...target, kind: 'INBOUND', messageId: address },
      { ...target, kind: 'OUTBOUND', sender: 'AGENT', messageId: `${address} 2` },
      { ...target, kind: 'INBOUND', messageId: address },
      { ...target, kind: 'END', by: 'AGENT' },
      { ...target, kind: 'ASSIGN', agentId: address },
    ];
    await ask(world.graphql({ query: RECORD, variables: { input: { activities } } }));
    await ask(
      world.graphql({ query: RECORD, variables: { input: { activities: [{ ...target, kind: address }] } } }),
    );
  }
  await ask(
    world.graphql({
      query: `{ node(id: "${address}") { id } conversations(after: "${address}") { nodes { id } } }`,
    }),
  );
  for (const channel of CHANNELS) {
    const path = `/webhooks/${ours.accountId}/${ours.channels[channel.adapter]}`;
    for (const sample of channel.bodies) {
      // Each text in a provider's call is replaced by the address, and the call is then truncated.
      const marked = sample.replaceAll(/(?<=:\s?")[^"]{3,}(?=")/g, address);
      for (const body of [sample, marked, marked.slice(0, -3)].map((text) => Buffer.from(text))) {
        const { headers, query } = channel.sign(body, channel.settings, world.url + path);
        const host = new URL(world.url).host;
        const all = { host, 'content-type': channel.contentType, ...headers };
        await ask({ path: query === undefined ? path : `${path}?${query}`, headers: all, body });
        await ask({
          path: `${path}?from=${encodeURIComponent(address)}`,
          headers: { 'x-from': address },
          body,
        });
      }
    }
  }
}

it('no log line contains the address of a customer, whatever fails', {
  timeout: 180_000,
}, async () => {
  for (const address of ADDRESSES) await tryEverything(address);
  // The database's errors name the row.
  const troubles = [
    `create function refuse() returns trigger language plpgsql as $$ begin
       raise exception using errcode = '23514', message = 'refused: "' || new.address || '"', detail = new::text, hint = new.address; end $$;
     create trigger refuse before insert or update on contact for each row execute function refuse()`,
    'drop trigger refuse on contact; alter table contact add constraint short check (length(address) < 4) not valid',
    'alter table contact drop constraint short; alter table contact rename to contact_away',
  ];
  for (const [index, trouble] of troubles.entries()) {
    await world.sql.unsafe(trouble);
    for (const address of ADDRESSES) await tryEverything(`${address}${index}`);
  }
  await world.sql.unsafe('alter table contact_away rename to contact');
  const said = world.service.said();
  expect(said).toContain('"constraint_name":"short"');
  expect(said).toContain('a call could not be recorded');
  const told = said.split('\n').filter((line) => ADDRESSES.some((address) => line.includes(address)));
  expect(told).toEqual([]);
});
