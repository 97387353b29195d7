import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eraseContact } from '../../src/accounts/erase-contact.ts';
import { TRANSACT } from '../../src/db/transaction.ts';
import type { Activity, ActivityResult } from '../../src/engine.ts';
import { recordActivities } from '../../src/ingest/record-activities.ts';
import { at, depsWith, type Engine, MINUTE, openEngine } from '../support/engine.ts';

let engine: Engine;
let number = 0;
let address = '';
beforeAll(async () => {
  engine = await openEngine(at('12:00'));
  // From here on the lanes are known.
  await engine.writes('warm');
  await engine.answers('warm');
  await engine.writes('warm');
});
afterAll(() => engine.drop());
/** Creates an answered conversation at `address`, so that a customer message changes its lane. */
beforeEach(async () => {
  address = `customer ${++number}`;
  await engine.writes(address, { messageId: `${address} first` });
  engine.clock.advance(1);
  await engine.answers(address);
  engine.clock.advance(1);
});

const message = (id: string, more: Partial<Activity> = {}): Activity => ({
  target: { channelId: engine.channelId, address },
  action: { kind: 'INBOUND' },
  messageId: `${address} ${id}`,
  ...more,
});

/** Applies activities while `meanwhile` runs between the read and the write. Counts the locked retries. */
async function applyWhile(activities: Activity[], meanwhile: () => Promise<unknown>) {
  let locked = 0;
  let isDone = false;
  const sql = new Proxy(engine.db.sql, {
    get(target, name) {
      if (name === TRANSACT) locked++;
      return Reflect.get(target, name);
    },
  });
  const deps = depsWith(engine, {
    db: { ...engine.db, sql },
    rules: {
      ...engine.deps.rules,
      async at(accountId, version) {
        if (!isDone) {
          isDone = true;
          await meanwhile();
        }
        return await engine.deps.rules.at(accountId, version);
      },
    },
  });
  const results = await recordActivities(deps, engine.accountId, activities);
  return { results, locked };
}

/** Checks that the feed has no gap or duplicate, and that its last event has the state of the conversation. */
async function expectSound() {
  for (const { id, status, awaiting, revision } of await engine.conversations(address)) {
    const feed = await engine.feed(id);
    expect(feed.map((event) => event.revision)).toEqual(
      Array.from({ length: revision }, (_, index) => index + 1),
    );
    expect(feed.at(-1)).toMatchObject({ status, awaiting });
  }
}
const kinds = async () => (await engine.feed((await engine.latest(address)).id)).map(({ kind }) => kind);
const outcomes = (results: ActivityResult[]) => results.map(({ outcome }) => outcome);

describe('a message on an open conversation', () => {
  it('is written without a lock, by address and by id', async () => {
    const { locked } = await applyWhile([message('a')], async () => {});
    const { id } = await engine.latest(address);
    engine.clock.advance(1);
    const target = { conversationId: id };
    const byId = await applyWhile([message('b', { target })], async () => {});
    expect([locked, byId.locked]).toEqual([0, 0]);
    expect(await engine.latest(address)).toMatchObject({
      awaiting: 'AGENT',
      last_activity_at: engine.clock.now(),
    });
    await expectSound();
  });

  it('is written together with the other messages of the call on that conversation', async () => {
    const { results, locked } = await applyWhile([message('a'), message('b'), message('a')], async () => {});
    expect(outcomes(results)).toEqual(['APPLIED', 'APPLIED', 'DUPLICATE']);
    expect(locked).toBe(0);
    expect(await kinds()).toEqual(['INBOUND', 'OUTBOUND', 'INBOUND', 'INBOUND']);
    await expectSound();
  });

  it('writes nothing if it is a duplicate', async () => {
    const { revision } = await engine.latest(address);
    const { results, locked } = await applyWhile([message('first')], async () => {});
    expect([outcomes(results), locked]).toEqual([['DUPLICATE'], 0]);
    expect(await engine.latest(address)).toMatchObject({ revision });
  });
});

describe('LL-2 a change between the read and the write', () => {
  it('by another message leaves both messages in the order of commit', async () => {
    const { results, locked } = await applyWhile([message('a')], () => engine.apply(message('between')));
    expect([outcomes(results), locked]).toEqual([['APPLIED'], 1]);
    expect(await kinds()).toEqual(['INBOUND', 'OUTBOUND', 'INBOUND', 'INBOUND']);
    await expectSound();
  });

  it('by the same message leaves the message once', async () => {
    const { results } = await applyWhile([message('a')], () => engine.apply(message('a')));
    expect(outcomes(results)).toEqual(['DUPLICATE']);
    expect(await kinds()).toEqual(['INBOUND', 'OUTBOUND', 'INBOUND']);
    await expectSound();
  });

  it('by the same message on another conversation leaves the message once', async () => {
    const elsewhere = `${address} elsewhere`;
    const { results } = await applyWhile([message('a')], () =>
      engine.writes(elsewhere, { messageId: `${address} a` }),
    );
    expect(results).toEqual([
      { outcome: 'DUPLICATE', conversationId: (await engine.latest(elsewhere)).id, error: null },
    ]);
    await expectSound();
  });

  it('SP-7 by an end lets the message reopen the conversation', async () => {
    const end = { kind: 'END', by: 'AGENT', agentId: engine.ann } as const;
    const { results, locked } = await applyWhile([message('a')], () => engine.does(address, end));
    expect([outcomes(results), locked]).toEqual([['APPLIED'], 1]);
    const { id } = await engine.latest(address);
    expect((await engine.feed(id)).slice(-2)).toMatchObject([
      { kind: 'END', effect: 'ENDED', status: 'ENDED' },
      { kind: 'INBOUND', effect: 'REOPENED' },
    ]);
    await expectSound();
  });

  it('PE-7 by an exemption backfill, which creates no event, is not overwritten', async () => {
    const { id, lane_id } = await engine.latest(address);
    const other = engine.deps.newId();
    const { locked } = await applyWhile([message('a')], async () => {
      await engine.db
        .sql`update conversation set lane_id = ${other} where account_id = ${engine.accountId} and id = ${id}`;
    });
    expect(locked).toBe(1);
    expect((await engine.latest(address)).lane_id).not.toBe(lane_id);
    await expectSound();
  });

  it('PE-15 by an erasure makes the message start with a new contact', async () => {
    const first = await engine.latest(address);
    const { contact_id } = first as unknown as { contact_id: string };
    const end = { kind: 'END', by: 'AGENT', agentId: engine.ann } as const;
    const { results } = await applyWhile([message('a')], () =>
      eraseContact(engine.deps, engine.accountId, contact_id, end),
    );
    expect(outcomes(results)).toEqual(['APPLIED']);
    const feed = await engine.feed(first.id);
    expect(feed.map(({ message_id }) => message_id)).toEqual(feed.map(() => null));
    expect(await engine.latest(address)).toMatchObject({ previous_id: null, revision: 1 });
  });

  it('to one of two conversations of a call retries the whole call', async () => {
    const other = `${address} other`;
    await engine.writes(other);
    engine.clock.advance(1);
    const both = [message('a'), message('b', { target: { channelId: engine.channelId, address: other } })];
    const { results, locked } = await applyWhile(both, () =>
      engine.writes(other, { messageId: `${address} between` }),
    );
    expect([outcomes(results), locked]).toEqual([['APPLIED', 'APPLIED'], 1]);
    expect(await kinds()).toEqual(['INBOUND', 'OUTBOUND', 'INBOUND']);
    const feed = await engine.feed((await engine.latest(other)).id);
    expect(feed.map(({ message_id }) => message_id)).toEqual([null, `${address} between`, `${address} b`]);
    await expectSound();
  });

  it('makes the call read again under a lock if it takes more than 2 s on the clock', async () => {
    const { results, locked } = await applyWhile([message('a')], async () => engine.clock.advance(2_001));
    expect([outcomes(results), locked]).toEqual([['APPLIED'], 1]);
    await expectSound();
  });

  it('makes the call retry under a lock if it takes more than 3 s on the database clock', async () => {
    const { results, locked } = await applyWhile([message('a')], () => engine.db.sql`select pg_sleep(3.1)`);
    expect([outcomes(results), locked]).toEqual([['APPLIED'], 1]);
    await expectSound();
  });
});

describe('an activity that cannot be written optimistically', () => {
  it.each([
    [
      'a new contact',
      () => message('a', { target: { channelId: engine.channelId, address: `${address} new` } }),
    ],
    [
      'a client that tells its version',
      () => message('a', { action: { kind: 'INBOUND', clientVersion: '1.2.3' } }),
    ],
    ['a keyword', () => message('a', { action: { kind: 'INBOUND', keyword: 'OPT_OUT' } })],
    ['an end', () => message('a', { action: { kind: 'END', by: 'AGENT', agentId: engine.ann } })],
    ['a late message', () => message('a', { at: new Date(engine.clock.now().getTime() - 1000) })],
    ['an old clock', () => message('a', { at: new Date(engine.clock.now().getTime() - MINUTE) })],
  ])('(%s) is applied under a lock', async (_what, activity) => {
    if (_what === 'an old clock') engine.clock.advance(2 * MINUTE);
    const { results, locked } = await applyWhile([activity()], async () => {});
    expect([outcomes(results), locked]).toEqual([['APPLIED'], 1]);
    await expectSound();
  });
});
