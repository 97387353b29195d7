import type { Sql } from 'postgres';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Engine } from '../../src/app.ts';
import type { Activity } from '../../src/engine.ts';
import { recordActivities } from '../../src/ingest/record-activities.ts';
import { eventually } from '../support/closes.ts';
import { KINDS, openStore, type Store } from '../support/live.ts';
import {
  hangs,
  openHeadTrickler,
  openProvider,
  openRefuser,
  type Provider,
  takes,
  takesAfter,
  trickles,
} from '../support/providers.ts';
import { openTenant, type Tenant } from '../support/tenant.ts';

/** Messages that are owed to each provider that is unwell, and the conversations that they are of. */
const OWED = 2_000;
const CONVERSATIONS = 50;
/** Far longer than a message takes that has nothing in its way, and shorter than the 15 s for which a provider is waited for. */
const AT_MOST_LATER_MS = 10_000;

let store: Store;
const providers: Provider[] = [];
beforeEach(() => {
  providers.length = 0;
});
afterEach(async () => {
  for (const provider of providers) provider.close();
  await store.close();
});

/** Closes a provider at the end. */
async function kept(opening: Promise<Provider>): Promise<Provider> {
  const provider = await opening;
  providers.push(provider);
  return provider;
}

/** An account whose customers are shown a goodbye by way of a provider. */
const accountAt = (engine: Engine, { url }: Provider): Promise<Tenant> =>
  openTenant(engine, store.sql, {}, { deliverUrl: url, showCloseMessage: true });

/** So many customers wrote, and ann ended their conversations: a separator and a goodbye are owed to each. */
async function ends({ deps }: Engine, tenant: Tenant, name: string, count: number): Promise<void> {
  const { channelId, ann } = tenant;
  const activities = Array.from({ length: count }, (_, index): Activity[] => {
    const target = { channelId, address: `${name} ${index}` };
    return [
      { target, action: { kind: 'INBOUND' } },
      { target, action: { kind: 'END', by: 'AGENT', agentId: ann } },
    ];
  });
  await recordActivities(deps, tenant.accountId, activities.flat());
}

/** Owes an account's customers 2,000 messages, which are due. */
async function owesMany(engine: Engine, tenant: Tenant, messages = OWED): Promise<void> {
  await ends(engine, tenant, 'waits', CONVERSATIONS);
  await store.sql`
    insert into outbox (account_id, id, kind, conversation_id, revision, channel_id, payload, state, attempts, due_at, created_at)
    select account_id, gen_random_uuid(), kind, conversation_id, revision, channel_id,
      payload || jsonb_build_object('part', 'CLOSE_MESSAGE'), state, attempts, due_at, created_at
    from outbox cross join generate_series(1, ${messages / CONVERSATIONS}) where account_id = ${tenant.accountId}`;
}

/** For how long each message to an account's customers was owed, by the time of the service. */
async function latenessMs(sql: Sql, { accountId }: Tenant): Promise<number[]> {
  const rows = await sql<{ ms: string }[]>`
    select extract(epoch from done_at - created_at) * 1000 as ms from outbox
    where account_id = ${accountId} and state = 'SENT' and payload ? 'part' order by created_at, id`;
  return rows.map(({ ms }) => Number(ms));
}

/** Waits until the messages for every end are decided, for which no provider is called. */
const decided = () =>
  eventually(async () => {
    const owed =
      await store.sql`select from outbox where state = 'PENDING' and not payload ? 'part' and kind = 'DELIVER_MESSAGE' limit 1`;
    expect(owed).toHaveLength(0);
  });

/**
 * Conversations of a quiet account end, a few at a time, and its customers are shown that, one after the other. Returns
 * how late they were in the middle.
 */
async function showAll(worker: Engine, quiet: Tenant, good: Provider, rounds: number): Promise<number> {
  const before = good.calls();
  const shown = (await latenessMs(store.sql, quiet)).length;
  for (let round = 1; round <= rounds; round++) {
    await ends(worker, quiet, `${before} ${round}`, 5);
    await eventually(async () => expect(good.calls()).toBe(before + 10 * round));
  }
  await eventually(async () => expect(await latenessMs(store.sql, quiet)).toHaveLength(shown + 10 * rounds));
  const late = (await latenessMs(store.sql, quiet)).slice(shown).sort((a, b) => a - b);
  return late[late.length >> 1] as number;
}

/**
 * The same while other providers are slow. It must not be later than a wait for such a provider, compared with a run
 * just before.
 */
async function expectInTime(worker: Engine, quiet: Tenant, good: Provider, calmMs: number): Promise<void> {
  expect((await showAll(worker, quiet, good, 5)) - calmMs).toBeLessThan(AT_MOST_LATER_MS);
}

describe.each(KINDS)(
  'with the queue on %s, and 2,000 messages owed to a provider that never answers',
  (kind) => {
    it('the messages of another account are sent while the provider still hangs', async () => {
      store = await openStore(kind);
      const engine = await store.engine();
      const [bad, good] = [await kept(openProvider(hangs)), await kept(openProvider(takes))];
      const [quiet, loud] = [await accountAt(engine, good), await accountAt(engine, bad)];
      const worker = await store.worker();
      const calmMs = await showAll(worker, quiet, good, 2);
      await owesMany(engine, loud);
      await eventually(async () => expect(bad.open()).toBeGreaterThan(0));
      await expectInTime(worker, quiet, good, calmMs);
      expect(bad.open()).toBeGreaterThan(0);
      expect(bad.open()).toBeLessThan(20);
    }, 600_000);
  },
);

it('providers that hang, trickle, answer at the last moment or refuse delay nobody else, with 2,000 messages owed to each', async () => {
  store = await openStore('postgres');
  const engine = await store.engine();
  const good = await kept(openProvider(takes));
  const quiet = await accountAt(engine, good);
  const unwell = [
    await kept(openProvider(hangs)),
    await kept(openProvider(trickles)),
    await kept(openHeadTrickler()),
    await kept(openProvider(takesAfter(14_500))),
    await openRefuser(),
  ];
  const loud: Tenant[] = [];
  for (const provider of unwell) loud.push(await accountAt(engine, provider));
  const [first, second] = [await store.worker(), await store.worker()];
  const calmMs = await showAll(first, quiet, good, 2);
  for (const tenant of loud) await owesMany(engine, tenant);
  await eventually(async () => {
    for (const provider of unwell.slice(0, 4)) expect(provider.calls()).toBeGreaterThan(0);
  });
  await decided();
  await expectInTime(first, quiet, good, calmMs);
  expect(unwell.slice(0, 4).filter((provider) => provider.open() > 0).length).toBeGreaterThan(2);
  // The last provider refuses connections, which is noticed at once: its messages wait, and none is given up.
  const refused = loud.at(-1) as Tenant;
  await eventually(async () => {
    const [circuit] =
      await store.sql`select failures, retry_at from circuit_breaker where account_id = ${refused.accountId}`;
    expect(circuit).toMatchObject({ failures: 5, retry_at: expect.any(Date) });
  });
  const [waiting] = await store.sql`select count(*)::int as count from outbox
    where account_id = ${refused.accountId} and payload ? 'part' and state = 'PENDING'`;
  expect(waiting?.count).toBeGreaterThanOrEqual(OWED);
  expect(second.clock.isTrusted()).toBe(true);
}, 600_000);

it('120 accounts whose providers hang do not delay one whose provider works', async () => {
  store = await openStore('postgres');
  const engine = await store.engine();
  const [bad, good] = [await kept(openProvider(hangs)), await kept(openProvider(takes))];
  const quiet = await accountAt(engine, good);
  const loud = await Promise.all(Array.from({ length: 120 }, () => accountAt(engine, bad)));
  const worker = await store.worker();
  const calmMs = await showAll(worker, quiet, good, 2);
  for (const tenant of loud) await ends(engine, tenant, 'waits', 5);
  await decided();
  await expectInTime(worker, quiet, good, calmMs);
  expect(bad.open()).toBeGreaterThanOrEqual(100);
}, 600_000);

it('an endpoint that hangs delays neither another endpoint of its account nor the messages to customers', async () => {
  store = await openStore('postgres');
  const engine = await store.engine();
  const [bad, good, hook] = [
    await kept(openProvider(hangs)),
    await kept(openProvider(takes)),
    await kept(openProvider(takes)),
  ];
  const tenant = await accountAt(engine, good);
  await tenant.subscribe(bad.url);
  await tenant.subscribe(hook.url);
  await ends(engine, tenant, 'many', 100);
  await store.worker();
  await eventually(async () => expect([hook.calls(), good.calls()]).toEqual([100, 200]));
  expect(bad.open()).toBeGreaterThan(0);
  expect(bad.open()).toBeLessThan(20);
}, 600_000);
