import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../src/db/client.ts';
import { inTransaction } from '../../src/db/transaction.ts';
import type { Activity, ServiceDeps } from '../../src/engine.ts';
import { recordActivities } from '../../src/ingest/record-activities.ts';
import { openLaneDirectory } from '../../src/wake/lane-directory.ts';
import { at, depsWith, type Engine, HOUR, openEngine } from '../support/engine.ts';
import { wakeLane } from '../support/flows.ts';

const ROUNDS = 30;

let engine: Engine;
let other: Database;
/** A second process on the same database, a millisecond ahead. */
let second: ServiceDeps;
/** Another process like it. Calls of one process are micro-batched, so they do not race each other. */
const oneMore = (): ServiceDeps => depsWith({ ...engine, deps: second });
beforeAll(async () => {
  engine = await openEngine(at('12:00'));
  await engine.policy({ autoCloseAfter: 'PT2H', reopenWithin: 'PT0S' });
  other = openDatabase(engine.address, { connections: 4 });
  second = depsWith(engine, {
    db: other,
    lanes: openLaneDirectory(engine.deps.newId),
    clock: { ...engine.clock, now: () => new Date(engine.clock.now().getTime() + 1) },
  });
});
afterAll(async () => {
  await other.close();
  await engine.drop();
});

const inbound = (address: string, messageId?: string): Activity => ({
  target: { channelId: engine.channelId, address },
  action: { kind: 'INBOUND' },
  ...(messageId ? { messageId } : {}),
});
const outcomes = (results: { outcome: string }[][]) => results.flat().map(({ outcome }) => outcome);

/** Checks that each contact has at most one open conversation, and that each feed has no gap and ends in the current state. */
async function expectWhole() {
  const torn = await engine.db.sql`
    select conversation.id from conversation
    left join lateral (
      select count(*)::int as events, max(revision) as newest from event
      where event.account_id = conversation.account_id and conversation_id = conversation.id
    ) as feed on true
    left join event on event.account_id = conversation.account_id and conversation_id = conversation.id
      and event.revision = conversation.revision
    where feed.events <> conversation.revision or feed.newest <> conversation.revision
      or event.status <> conversation.status or (conversation.status = 'ENDED') <> (lane_id is null)`;
  expect(torn).toEqual([]);
  const lost = await engine.db.sql`
    select contact.id from contact where latest_conversation_id is distinct from
      (select id from conversation where conversation.account_id = contact.account_id and contact_id = contact.id order by id desc limit 1)`;
  expect(lost).toEqual([]);
}

describe('two concurrent calls', () => {
  it('LL-2 for a new contact create one conversation', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const address = `new ${round}`;
      const results = await Promise.all([
        recordActivities(engine.deps, engine.accountId, [inbound(address)]),
        recordActivities(second, engine.accountId, [inbound(address)]),
        recordActivities(oneMore(), engine.accountId, [inbound(address)]),
      ]);
      expect(outcomes(results)).toEqual(['APPLIED', 'APPLIED', 'APPLIED']);
      expect(await engine.conversations(address)).toMatchObject([{ status: 'WAITING', revision: 3 }]);
    }
    await expectWhole();
  });

  it('do not deadlock for many contacts in opposite orders', async () => {
    for (let round = 0; round < 5; round++) {
      const calls = Array.from({ length: 40 }, (_, index) => inbound(`many ${round} ${index}`));
      const results = await Promise.all([
        recordActivities(engine.deps, engine.accountId, calls),
        recordActivities(second, engine.accountId, calls.toReversed()),
      ]);
      expect(new Set(outcomes(results))).toEqual(new Set(['APPLIED']));
    }
    await expectWhole();
  });

  it('with the same message of one contact apply it once', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const call = [inbound(`message ${round}`, `message ${round}`)];
      const results = await Promise.all([
        recordActivities(engine.deps, engine.accountId, call),
        recordActivities(second, engine.accountId, call),
      ]);
      expect(outcomes(results).sort()).toEqual(['APPLIED', 'DUPLICATE']);
    }
    await expectWhole();
  });

  it('with the same message id for two contacts apply it once', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const results = await Promise.all([
        recordActivities(engine.deps, engine.accountId, [inbound(`a ${round}`, `id ${round}`)]),
        recordActivities(second, engine.accountId, [inbound(`b ${round}`, `id ${round}`)]),
      ]);
      expect(outcomes(results).sort()).toEqual(['APPLIED', 'DUPLICATE']);
    }
    await expectWhole();
  });

  it('with the same message id for two contacts apply it once, and apply the other messages too', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const call = (who: string) => [
        inbound(`${who} ${round}`, `shared ${round}`),
        inbound(`${who} else ${round}`),
      ];
      const results = await Promise.all([
        recordActivities(engine.deps, engine.accountId, call('one')),
        recordActivities(second, engine.accountId, call('two')),
      ]);
      expect(outcomes(results).sort()).toEqual(['APPLIED', 'APPLIED', 'APPLIED', 'DUPLICATE']);
    }
    await expectWhole();
  });
});

describe('a reply that races the close', () => {
  it('LL-2 leaves exactly one open conversation, whichever commits first', async () => {
    // In each round one reply comes before the wake, one after it, and the others race it.
    const seen = { kept: 0, followed: 0 };
    for (let round = 0; round < ROUNDS; round++) {
      const addresses = Array.from({ length: 6 }, (_, index) => `race ${round} ${index}`);
      for (const address of addresses) {
        await engine.writes(address);
        await engine.answers(address);
      }
      const { lane_id: laneId } = await engine.latest(addresses[0] as string);
      engine.clock.advance(2 * HOUR);
      const reply = (address: string) => recordActivities(oneMore(), engine.accountId, [inbound(address)]);
      const [first, last, ...racing] = addresses as [string, string, ...string[]];
      await reply(first);
      await Promise.all([
        wakeLane(engine.deps, { accountId: engine.accountId, laneId: laneId as string, wakeAt: null }),
        ...racing.map(reply),
      ]);
      await reply(last);
      for (const address of addresses) {
        const all = await engine.conversations(address);
        expect(all.filter(({ status }) => status !== 'ENDED')).toHaveLength(1);
        if (all.length === 1) seen.kept++;
        else {
          expect(all).toMatchObject([
            { end_reason: 'AUTO_CLOSE' },
            { previous_id: all[0]?.id, status: 'WAITING' },
          ]);
          seen.followed++;
        }
      }
      await engine.db
        .sql`update conversation set status = 'ENDED', lane_id = null where account_id = ${engine.accountId} and status <> 'ENDED'`;
      await engine.db
        .sql`update event set status = 'ENDED' from conversation where conversation.id = conversation_id and event.revision = conversation.revision`;
    }
    expect(seen.kept).toBeGreaterThanOrEqual(ROUNDS);
    expect(seen.followed).toBeGreaterThanOrEqual(ROUNDS);
    await expectWhole();
  });

  it('LL-2 makes the close skip the conversation while the reply locks it, and waits while the close locks it', async () => {
    await engine.writes('holds');
    await engine.answers('holds');
    const { id, lane_id: laneId } = await engine.latest('holds');
    engine.clock.advance(2 * HOUR);
    await inTransaction(engine.db.sql, async (sql) => {
      await sql`select 1 from conversation where account_id = ${engine.accountId} and id = ${id} for no key update`;
      await wakeLane(second, { accountId: engine.accountId, laneId: laneId as string, wakeAt: null });
      const [row] = await sql`select status from conversation where id = ${id}`;
      expect(row?.status).toBe('ACTIVE');
    });

    const holding = Promise.withResolvers<void>();
    const closing = Promise.withResolvers<void>();
    const closed = inTransaction(engine.db.sql, async (sql) => {
      await sql`update conversation set status = 'ENDED', lane_id = null, ended_at = ${engine.clock.now()}, end_reason = 'AUTO_CLOSE',
        ended_by = 'SYSTEM', former_status = 'ACTIVE', rules_version = 1, lateness_ms = 0, revision = revision + 1 where id = ${id}`;
      await sql`insert into event (account_id, conversation_id, revision, kind, at, recorded_at, actor, channel_id, timer, effect, status, awaiting)
        values (${engine.accountId}, ${id}, 3, 'TIMER', ${engine.clock.now()}, ${engine.clock.now()}, 'SYSTEM', ${engine.channelId}, 'AUTO_CLOSE', 'ENDED', 'ENDED', 'CONSUMER')`;
      holding.resolve();
      await closing.promise;
    });
    await holding.promise;
    let answered = false;
    const reply = recordActivities(second, engine.accountId, [inbound('holds')]).then((results) => {
      answered = true;
      return results;
    });
    await recordActivities(second, engine.accountId, [inbound('somebody else')]);
    expect(answered).toBe(false);
    closing.resolve();
    await closed;
    expect(outcomes([await reply])).toEqual(['APPLIED']);
    const all = await engine.conversations('holds');
    expect(all.map(({ status }) => status)).toEqual(['ENDED', 'WAITING']);
  });
});

it('a call fails as unavailable and applies nothing when a contact stays locked for too long', async () => {
  await engine.writes('held for long');
  const impatient = openDatabase(engine.address, { connections: 1 });
  await impatient.sql`set lock_timeout = '50ms'`;
  await inTransaction(engine.db.sql, async (sql) => {
    await sql`select 1 from contact where account_id = ${engine.accountId} and address = 'held for long' for no key update`;
    const call = recordActivities(
      depsWith({ ...engine, deps: second }, { db: impatient }),
      engine.accountId,
      [inbound('held for long'), inbound('new one')],
    );
    await expect(call).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
  await impatient.close();
  expect(await engine.latest('held for long')).toMatchObject({ revision: 1 });
  expect(await engine.conversations('new one')).toEqual([]);
});

describe('two workers', () => {
  it('close each conversation exactly once', async () => {
    const addresses = Array.from({ length: 300 }, (_, index) => `worker ${index}`);
    await engine.apply(
      ...addresses.flatMap((address): Activity[] => [
        inbound(address),
        {
          target: { channelId: engine.channelId, address },
          action: { kind: 'OUTBOUND', sender: 'AGENT', agentId: engine.bob },
        },
      ]),
    );
    const { lane_id: laneId } = await engine.latest('worker 0');
    const lane = { accountId: engine.accountId, laneId: laneId as string, wakeAt: null };
    engine.clock.advance(2 * HOUR);
    const reports = await Promise.all([
      wakeLane(engine.deps, lane),
      wakeLane(second, lane),
      wakeLane(second, lane),
    ]);
    const acted = reports.map((report) => (report.kind === 'woken' ? (report.acted.AUTO_CLOSE ?? 0) : 0));
    expect(acted.reduce((a, b) => a + b)).toBe(300);
    await expectWhole();
  });
});
