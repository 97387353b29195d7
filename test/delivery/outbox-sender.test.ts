import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { insertOutbox } from '../../src/db/rows/outbox.ts';
import { inTransaction } from '../../src/db/transaction.ts';
import type { CarryOut } from '../../src/delivery/effect-result.ts';
import { createLog } from '../../src/log.ts';
import { at, type Engine, MINUTE, openEngine } from '../support/engine.ts';
import { openSender } from '../support/flows.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine(at('12:00'));
});
beforeEach(async () => {
  await engine.db.sql`delete from outbox`;
  await engine.db.sql`delete from circuit_breaker`;
});
afterAll(() => engine.drop());

/** Creates this many due effects, each to its own endpoint. Their content does not matter to the sender. */
async function owe(count: number): Promise<void> {
  const { deps, accountId, channelId } = engine;
  const rows = Array.from({ length: count }, () => ({
    ...{ id: deps.newId(), conversationId: deps.newId(), revision: 1, channelId },
    payload: { kind: 'WEBHOOK', endpointId: deps.newId(), type: 'test', at: '' } as const,
  }));
  await inTransaction(engine.db.sql, (sql) => insertOutbox(sql, accountId, rows, engine.clock.now()));
}
const log = createLog({ logLevel: 'silent' });
const sender = (carryOut: CarryOut) =>
  openSender(engine.deps, { SEND_WEBHOOK: carryOut, DELIVER_MESSAGE: carryOut }, log);
const sends: CarryOut = async () => ({ state: 'SENT', health: { kind: 'ANSWERED' } });
const hangs: CarryOut = () => new Promise(() => {});
const pauses = async () => {
  const rows = await engine.db.sql<{ due_at: Date }[]>`select due_at from outbox where state = 'PENDING'`;
  return rows.map(({ due_at }) => due_at.getTime() - engine.clock.now().getTime());
};
const count = async (state: string) => {
  const [row] = await engine.db.sql`select count(*)::int as count from outbox where state = ${state}`;
  return row?.count;
};

describe('the pause before the next attempt', () => {
  it('is 4 to 5 s, different for each effect, so that failed effects are not retried together', async () => {
    await owe(40);
    await sender(async () => ({ state: 'RETRY', error: 'why', afterMs: null })).drain();
    const all = await pauses();
    expect(all).toHaveLength(40);
    expect(Math.min(...all)).toBeGreaterThanOrEqual(4_000);
    expect(Math.max(...all)).toBeLessThanOrEqual(5_000);
    expect(new Set(all).size).toBeGreaterThan(20);
  });

  it.each([Number.NaN, -1, Number.NEGATIVE_INFINITY])(
    'is 4 to 5 s if a delay of %s ms is asked for',
    async (afterMs) => {
      await owe(1);
      await sender(async () => ({ state: 'RETRY', error: 'why', afterMs })).drain();
      const [pause] = await pauses();
      expect(pause).toBeGreaterThanOrEqual(4_000);
      expect(pause).toBeLessThanOrEqual(5_000);
    },
  );

  it('is at most a day, whatever delay is asked for', async () => {
    await owe(1);
    const afterMs = Number.POSITIVE_INFINITY;
    await sender(async () => ({ state: 'RETRY', error: 'why', afterMs })).drain();
    expect(await pauses()).toEqual([24 * 60 * MINUTE]);
  });
});

it('effects claimed by a process that died are sent by another after the lease of a minute', async () => {
  await owe(3);
  const dead = sender(hangs);
  dead.kick();
  await vi.waitFor(() => expect(dead.load().sending).toBe(3), { timeout: 60_000, interval: 20 });
  const other = sender(sends);
  engine.clock.advance(MINUTE - 1);
  expect(await other.drain()).toBe(0);
  engine.clock.advance(1);
  expect(await other.drain()).toBe(3);
  expect(await count('SENT')).toBe(3);
});

it('a closing sender waits for the effects under way, and claims no more', async () => {
  await owe(2);
  const answers: (() => void)[] = [];
  const closing = sender(async () => {
    await new Promise<void>((answer) => answers.push(answer));
    return { state: 'SENT', health: { kind: 'ANSWERED' } };
  });
  closing.kick();
  await vi.waitFor(() => expect(answers).toHaveLength(2), { timeout: 60_000, interval: 20 });
  await owe(1);
  let hasClosed = false;
  const closed = closing.close().then(() => {
    hasClosed = true;
  });
  closing.kick();
  await engine.db.sql`select 1`;
  expect(hasClosed).toBe(false);
  for (const answer of answers) answer();
  await closed;
  expect([await count('SENT'), await count('PENDING')]).toEqual([2, 1]);
});
