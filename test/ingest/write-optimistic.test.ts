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
/** A conversation of whoever is at `address`: answered, so that a message of the customer changes its lane. */
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

/** Applies while something comes in between what it read and what it writes. Answers how often it began anew. */
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

/** The feed has no gap and no double, and its last event says where the conversation stands. */
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

  it('of a call with several on one conversation is written with them', async () => {
    const { results, locked } = await applyWhile([message('a'), message('b'), message('a')], async () => {});
    expect(outcomes(results)).toEqual(['APPLIED', 'APPLIED', 'DUPLICATE']);
    expect(locked).toBe(0);
    expect(await kinds()).toEqual(['INBOUND', 'OUTBOUND', 'INBOUND', 'INBOUND']);
    await expectSound();
  });

  it('that changes nothing, as all were seen before, writes nothing', async () => {
    const { revision } = await engine.latest(address);
    const { results, locked } = await applyWhile([message('first')], async () => {});
    expect([outcomes(results), locked]).toEqual([['DUPLICATE'], 0]);
    expect(await engine.latest(address)).toMatchObject({ revision });
  });
});

describe('LL-2 what comes in between', () => {
  it('a message: both are there, in order of commit', async () => {
    const { results, locked } = await applyWhile([message('a')], () => engine.apply(message('between')));
    expect([outcomes(results), locked]).toEqual([['APPLIED'], 1]);
    expect(await kinds()).toEqual(['INBOUND', 'OUTBOUND', 'INBOUND', 'INBOUND']);
    await expectSound();
  });

  it('the same message: it is there once', async () => {
    const { results } = await applyWhile([message('a')], () => engine.apply(message('a')));
    expect(outcomes(results)).toEqual(['DUPLICATE']);
    expect(await kinds()).toEqual(['INBOUND', 'OUTBOUND', 'INBOUND']);
    await expectSound();
  });

  it('the same message on another conversation: it is there once', async () => {
    const elsewhere = `${address} elsewhere`;
    const { results } = await applyWhile([message('a')], () =>
      engine.writes(elsewhere, { messageId: `${address} a` }),
    );
    expect(results).toEqual([
      { outcome: 'DUPLICATE', conversationId: (await engine.latest(elsewhere)).id, error: null },
    ]);
    await expectSound();
  });

  it('SP-7 its end: the message reopens it', async () => {
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

  it('PE-7 another lane by a walk, which makes no event: the walk is not undone unseen', async () => {
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

  it('PE-15 its erasure: the message is of somebody new', async () => {
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

  it('of two conversations of a call, a change of one: nothing of the call is written by half', async () => {
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

  it('time, while it is read: it is read again, under a lock', async () => {
    const { results, locked } = await applyWhile([message('a')], async () => engine.clock.advance(2_001));
    expect([outcomes(results), locked]).toEqual([['APPLIED'], 1]);
    await expectSound();
  });

  it('time, while it is on its way to the database, by whose clock it comes too late', async () => {
    const { results, locked } = await applyWhile([message('a')], () => engine.db.sql`select pg_sleep(3.1)`);
    expect([outcomes(results), locked]).toEqual([['APPLIED'], 1]);
    await expectSound();
  });
});

describe('what needs more than a conversation', () => {
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
  ])('%s is applied under a lock', async (_what, activity) => {
    if (_what === 'an old clock') engine.clock.advance(2 * MINUTE);
    const { results, locked } = await applyWhile([activity()], async () => {});
    expect([outcomes(results), locked]).toEqual([['APPLIED'], 1]);
    await expectSound();
  });
});
