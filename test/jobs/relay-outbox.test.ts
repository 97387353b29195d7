import { afterAll, beforeAll, expect, it } from 'vitest';
import { insertOutbox } from '../../src/db/outbox.ts';
import { inTransaction } from '../../src/db/transaction.ts';
import { relay } from '../../src/jobs/relay-outbox.ts';
import { createLog } from '../../src/log.ts';
import { at, type Engine, openEngine } from '../support/engine.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine(at('12:00'));
});
afterAll(() => engine.drop());

/** So many effects that are due; what they are is no matter to who carries them out. */
async function owe(count: number): Promise<void> {
  const { deps, accountId, channelId } = engine;
  const rows = Array.from({ length: count }, () => ({
    ...{ id: deps.newId(), kind: 'SEND_WEBHOOK' as const, conversationId: deps.newId(), revision: 1 },
    ...{ endpointId: deps.newId(), channelId, payload: {} },
  }));
  await inTransaction(engine.db.sql, (sql) => insertOutbox(sql, accountId, rows, engine.clock.now()));
}

it('a relay whose sends are slow claims no more after 10 s, and the next one goes on', async () => {
  await owe(220);
  const attempts: string[] = [];
  const carryOut = async ({ id }: { id: string }) => {
    // Fifty at once, which take 6 s together.
    if (attempts.push(id) % 50 === 0) engine.clock.advance(6_000);
    return { state: 'SENT' } as const;
  };
  const handlers = { SEND_WEBHOOK: carryOut, DELIVER_MESSAGE: carryOut };
  const log = createLog({ logLevel: 'silent' });
  expect(await relay(engine.deps, handlers, log)).toBe(100);
  expect(await relay(engine.deps, handlers, log)).toBe(100);
  expect(await relay(engine.deps, handlers, log)).toBe(20);
  expect(new Set(attempts).size).toBe(220);
  const [left] = await engine.db.sql`select count(*)::int as count from outbox where state <> 'SENT'`;
  expect(left).toEqual({ count: 0 });
});
