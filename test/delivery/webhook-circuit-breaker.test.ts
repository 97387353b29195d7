import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readCircuits, takeProbe } from '../../src/db/rows/circuits.ts';
import { retain } from '../../src/jobs/retention.ts';
import { at, DAY, type Engine, HOUR, MINUTE, openEngine } from '../support/engine.ts';
import { deleteEndpoint, disableEndpoint, enableEndpoint, redeliver, sendTest } from '../support/flows.ts';
import { AUTHOR, NO_KEY, openSender, openSubscriber, verified } from '../support/webhook-world.ts';

let engine: Engine;
let sender: ReturnType<typeof openSender>;
/** Another worker, with the same key. */
let other: ReturnType<typeof openSender>;
let subscriber: Awaited<ReturnType<typeof openSubscriber>>;
let endpointId: string;
let secret: string;
beforeAll(async () => {
  engine = await openEngine(at('12:00'));
  sender = openSender(engine);
  other = openSender(engine);
  Object.assign(other.deps.vault, sender.deps.vault);
});
beforeEach(async () => {
  subscriber = await openSubscriber();
  ({ id: endpointId, secret } = await sender.subscribe(subscriber.url, ['conversation.started']));
});
afterEach(async () => {
  subscriber.close();
  await engine.db.sql`delete from webhook_endpoint`;
  await engine.db.sql`delete from circuit_breaker`;
  await engine.db.sql`delete from outbox`;
});
afterAll(() => engine.drop());

let people = 0;
/** Starts this many conversations, each of which owes the endpoint a webhook. */
async function begun(count: number): Promise<void> {
  for (let each = 0; each < count; each++) await engine.writes(`somebody ${++people}`);
}
const circuit = async () =>
  (await readCircuits(engine.db.sql, engine.accountId, [endpointId]))[0] ?? { failures: 0, retryAt: null };
const heldFor = async () => {
  const { retryAt } = await circuit();
  return retryAt === null ? null : retryAt.getTime() - engine.clock.now().getTime();
};
const states = async () => {
  const owed = await sender.owed(endpointId);
  return owed.map(({ state, attempts }) => `${state} ${attempts}`);
};
/** Makes the endpoint fail until its circuit breaker opens. */
async function trip(): Promise<void> {
  subscriber.answer = 500;
  await begun(10);
  await sender.relay();
  expect(await heldFor()).toBe(MINUTE);
}

describe('the circuit breaker of an endpoint', () => {
  it('stays closed after 9 failures, and after 10 with a success in between', async () => {
    subscriber.answer = 500;
    await begun(9);
    await sender.relay();
    subscriber.answer = 204;
    await begun(1);
    await sender.relay();
    subscriber.answer = 500;
    await begun(9);
    await sender.relay();
    expect(await circuit()).toMatchObject({ failures: 9, retryAt: null });
  });

  it('opens for a minute after 10 failures, however many more are under way; waiting counts no attempt', async () => {
    subscriber.answer = 500;
    await begun(30);
    await sender.relay();
    expect(await circuit()).toMatchObject({ failures: 10 });
    expect(await heldFor()).toBe(MINUTE);
    const calls = subscriber.calls.length;
    engine.clock.advance(MINUTE - 1);
    await begun(1);
    await sender.relay();
    await other.relay();
    expect(subscriber.calls).toHaveLength(calls);
    const owed = await sender.owed(endpointId);
    expect(owed.map(({ state }) => state)).toEqual(Array(31).fill('PENDING'));
    expect(owed.reduce((sum, { attempts }) => sum + attempts, 0)).toBe(calls);
  });

  it('lets one probe of two workers through, and doubles the pause after a failed one, up to half an hour', async () => {
    await trip();
    const held: (number | null)[] = [];
    for (let round = 0; round < 7; round++) {
      engine.clock.advance((await heldFor()) as number);
      const before = subscriber.calls.length;
      await Promise.all([sender.relay(), other.relay()]);
      expect(subscriber.calls.length - before).toBe(1);
      held.push(await heldFor());
    }
    expect(held.map((ms) => (ms as number) / MINUTE)).toEqual([2, 4, 8, 16, 30, 30, 30]);
  });

  it('closes after a successful probe, and all waiting webhooks follow', async () => {
    await trip();
    subscriber.answer = 200;
    engine.clock.advance(MINUTE);
    const before = subscriber.calls.length;
    await Promise.all([sender.relay(), other.relay()]);
    expect(await circuit()).toEqual({ failures: 0, retryAt: null });
    engine.clock.advance(30_000);
    await sender.relay();
    expect(subscriber.calls.length - before).toBe(10);
    expect((await states()).map((state) => state.split(' ')[0])).toEqual(Array(10).fill('SENT'));
  });

  it('lets another probe through half a minute after a process died with one', async () => {
    await trip();
    engine.clock.advance(MINUTE);
    const now = engine.clock.now();
    const until = new Date(now.getTime() + 30_000);
    const at = { accountId: engine.accountId, destinationId: endpointId };
    expect(await takeProbe(engine.db.sql, at, { now, until })).toBe(true);
    expect(await takeProbe(engine.db.sql, at, { now, until })).toBe(false);
    const before = subscriber.calls.length;
    await sender.relay();
    expect(subscriber.calls.length).toBe(before);
    engine.clock.advance(30_000);
    subscriber.answer = 200;
    await sender.relay();
    expect(subscriber.calls.length).toBeGreaterThan(before);
    expect(await heldFor()).toBe(null);
  });

  it('makes claims cheap while it is open, however many webhooks wait', async () => {
    await trip();
    await begun(300);
    const calls = subscriber.calls.length;
    expect(await sender.relay()).toBe(0);
    expect(subscriber.calls).toHaveLength(calls);
    const waiting = (await sender.owed(endpointId)).slice(10);
    expect(waiting.filter(({ state, attempts }) => state === 'PENDING' && attempts === 0)).toHaveLength(300);
  });

  it('makes webhooks be given up after two days', async () => {
    await trip();
    await begun(20);
    const owedSince = engine.clock.now().getTime();
    let last = (await sender.owed(endpointId)).at(-1);
    while (last?.state === 'PENDING') {
      engine.clock.advance(30 * MINUTE);
      await sender.relay();
      last = (await sender.owed(endpointId)).at(-1);
    }
    expect(last).toMatchObject({ state: 'DEAD', error: 'the endpoint has been held back for too long' });
    const hours = (engine.clock.now().getTime() - owedSince) / HOUR;
    expect(hours).toBeGreaterThan(48);
    expect(hours).toBeLessThan(50);
  });

  it('does not delay another endpoint', async () => {
    const well = await openSubscriber();
    const { id } = await sender.subscribe(well.url, ['conversation.started']);
    await trip();
    await begun(1);
    await sender.relay();
    well.close();
    expect(well.calls).toHaveLength(11);
    expect((await sender.owed(id)).map(({ state }) => state)).toEqual(Array(11).fill('SENT'));
  });

  it('closes when the endpoint is enabled, whether it was disabled or not', async () => {
    await trip();
    await enableEndpoint(
      sender.deps,
      { accountId: engine.accountId, author: AUTHOR, call: NO_KEY },
      endpointId,
    );
    expect(await circuit()).toEqual({ failures: 0, retryAt: null });
  });
});

describe('a test event', () => {
  it('is sent at once even if the circuit breaker is open, is signed, and closes it by its success', async () => {
    await trip();
    subscriber.answer = 200;
    const { eventId } = await sendTest(engine.deps, engine.accountId, endpointId, NO_KEY);
    const before = subscriber.calls.length;
    await sender.relay();
    const [call, ...more] = subscriber.calls.slice(before);
    expect(more).toEqual([]);
    expect(call?.headers['webhook-id']).toBe(eventId);
    expect(verified(call as never, secret)).toEqual({ type: 'test', at: engine.clock.now().toISOString() });
    expect((await sender.log(endpointId)).at(-1)).toMatchObject({
      outbox_id: eventId,
      type: 'test',
      status: 200,
      error: null,
    });
    expect(await heldFor()).toBe(null);
  });

  it('is not retried after a failure, and does not count as one', async () => {
    subscriber.answer = 500;
    await sendTest(engine.deps, engine.accountId, endpointId, NO_KEY);
    await sender.relay();
    expect(await sender.owed(endpointId)).toMatchObject([{ state: 'DROPPED', error: 'answered 500' }]);
    expect(await sender.endpoint(endpointId)).toMatchObject({ failures: 0 });
    expect(await sender.log(endpointId)).toMatchObject([
      { type: 'test', status: 500, error: 'answered 500' },
    ]);
  });

  it('is no event that endpoints can subscribe to', async () => {
    await expect(sender.subscribe(subscriber.url, ['test'])).rejects.toMatchObject({ field: 'events[0]' });
  });
});

describe('a logged webhook', () => {
  const deliveryId = async () => {
    const [row] = await engine.db.sql`select id from webhook_delivery order by id desc limit 1`;
    return row?.id as string;
  };

  it('is sent again under the same id on request, even if the circuit breaker is open', async () => {
    await begun(1);
    await sender.relay();
    const [first] = subscriber.calls;
    await redeliver(engine.deps, engine.accountId, await deliveryId(), NO_KEY);
    await sender.relay();
    expect(subscriber.calls[1]?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
    expect(subscriber.calls[1]?.body).toBe(first?.body);
    await trip();
    const before = subscriber.calls.length;
    await redeliver(engine.deps, engine.accountId, await deliveryId(), NO_KEY);
    await sender.relay();
    expect(subscriber.calls.length - before).toBe(1);
    engine.clock.advance(5_000);
    await sender.relay();
    expect(subscriber.calls.length - before).toBe(1);
  });

  it('is kept for 30 days; a deleted endpoint is removed with its log', async () => {
    await begun(1);
    await sender.relay();
    engine.clock.advance(DAY);
    await begun(1);
    await sender.relay();
    engine.clock.advance(29 * DAY);
    expect(await retain(engine.deps, null)).toMatchObject({ deliveries: 0 });
    engine.clock.advance(1);
    expect(await retain(engine.deps, null)).toMatchObject({ deliveries: 1 });
    expect(await sender.log(endpointId)).toHaveLength(1);
    await deleteEndpoint(
      sender.deps,
      { accountId: engine.accountId, author: AUTHOR, call: NO_KEY },
      endpointId,
    );
    expect(await sender.endpoint(endpointId)).toMatchObject({ url: '', secret: '', previous_secret: null });
    await retain(engine.deps, null);
    expect(await sender.endpoint(endpointId)).toBeDefined();
    engine.clock.advance(DAY);
    expect(await retain(engine.deps, null)).toMatchObject({ deliveries: 1 });
    expect(await sender.endpoint(endpointId)).toBeUndefined();
  });
});

it('webhooks to a disabled or deleted endpoint are dropped', async () => {
  await begun(1);
  await disableEndpoint(
    sender.deps,
    { accountId: engine.accountId, author: AUTHOR, call: NO_KEY },
    endpointId,
  );
  await begun(1);
  await sender.relay();
  const dropped = [{ state: 'DROPPED', error: 'the endpoint is disabled or gone' }];
  expect(await sender.owed(endpointId)).toMatchObject(dropped);
  await enableEndpoint(
    sender.deps,
    { accountId: engine.accountId, author: AUTHOR, call: NO_KEY },
    endpointId,
  );
  await begun(1);
  await deleteEndpoint(
    sender.deps,
    { accountId: engine.accountId, author: AUTHOR, call: NO_KEY },
    endpointId,
  );
  await sender.relay();
  expect(await sender.owed(endpointId)).toMatchObject([...dropped, ...dropped]);
  expect(subscriber.calls).toEqual([]);
});
