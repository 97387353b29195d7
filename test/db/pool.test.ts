import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../src/db/client.ts';
import { onBehalfOf } from '../../src/db/pool/pool.ts';
import { inTransaction } from '../../src/db/transaction.ts';
import { UnavailableError } from '../../src/domain/errors.ts';
import { createLog } from '../../src/log.ts';
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts';

let test: TestDatabase;
const opened: Database[] = [];
const lines: string[] = [];
const log = createLog({ logLevel: 'debug' }, { write: (line) => lines.push(line) });
beforeAll(async () => {
  test = await createEmptyDatabase();
  await test.database.sql`create table said (word text)`;
});
afterEach(async () => {
  for (const database of opened.splice(0)) await database.close();
  lines.splice(0);
});
afterAll(() => test.drop());

function open(options: Parameters<typeof openDatabase>[1]): Database {
  const database = openDatabase(test.address, { log, ...options });
  opened.push(database);
  return database;
}
/** Holds a connection until it is released. */
function hold({ sql }: Database) {
  const [begun, letGo] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const done = inTransaction(sql, async (tx) => {
    begun.resolve();
    await letGo.promise;
    return [...(await tx`select 1 as one`)];
  });
  return { begun: begun.promise, letGo: letGo.resolve, done };
}

describe('a caller that waits for a connection', () => {
  it('gets it in turn, whether for a statement or for a transaction', async () => {
    const database = open({ connections: 1 });
    const holder = hold(database);
    await holder.begun;
    const order: number[] = [];
    const all = Array.from({ length: 20 }, async (_, index) => {
      if (index % 2 === 0) await database.sql`select 1`.execute();
      else await inTransaction(database.sql, (sql) => [sql`select 1`]);
      order.push(index);
    });
    holder.letGo();
    await Promise.all([...all, holder.done]);
    const ofKind = (rest: number) => order.filter((index) => index % 2 === rest);
    expect(ofKind(0)).toEqual(ofKind(0).toSorted((a, b) => a - b));
    expect(ofKind(1)).toEqual(ofKind(1).toSorted((a, b) => a - b));
    expect(order).toHaveLength(20);
  });

  it('does not hold up other accounts when its own account has its share', async () => {
    const database = open({ connections: 4, connectionsOfOne: 2 });
    const holders = Array.from({ length: 8 }, () => onBehalfOf('one', () => hold(database)));
    await Promise.all(holders.slice(0, 2).map(({ begun }) => begun));
    const free = await Promise.race([
      Promise.all([
        onBehalfOf('other', () => database.sql`select 1 as one`.execute()),
        onBehalfOf('another', () => inTransaction(database.sql, (sql) => [sql`select 1 as one`])),
        database.sql`select 1 as one`.execute(),
      ]),
      sleep(60_000),
    ]);
    const { waiting } = database.counts();
    for (const { letGo } of holders) letGo();
    await Promise.all(holders.map(({ done }) => done));
    expect(free).toHaveLength(3);
    expect(waiting).toBe(6);
    expect(database.counts().waiting).toBe(0);
  });

  it('gets a second connection within a transaction even if its account has its share', async () => {
    const database = open({ connections: 4, connectionsOfOne: 1 });
    const second = await onBehalfOf('one', () =>
      inTransaction(database.sql, async () => await database.sql`select 1 as one`),
    );
    expect(second).toEqual([{ one: 1 }]);
  });
});

describe('a caller that gets no connection', () => {
  it('is refused as UNAVAILABLE after the limit, and its statement is never sent', async () => {
    const database = open({ connections: 1, waitMs: 500 });
    const holder = hold(database);
    await holder.begun;
    await expect(database.sql`insert into said (word) values ('late')`).rejects.toThrow(UnavailableError);
    const late = inTransaction(database.sql, (sql) => sql`insert into said (word) values ('later')`);
    await expect(late).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('0.5 s'),
    });
    expect(database.counts()).toMatchObject({ open: 1, idle: 0, waiting: 0 });
    holder.letGo();
    await holder.done;
    expect(await database.sql`select word from said`).toEqual([]);
  });

  it('is refused when the pool closes, while running statements finish', async () => {
    const database = open({ connections: 1 });
    const holder = hold(database);
    await holder.begun;
    const waiting = database.sql`select 2`.then(
      () => 'answered',
      (error) => error.code,
    );
    await expect.poll(() => database.counts().waiting).toBe(1);
    const closed = database.close();
    expect(await waiting).toBe('CONNECTION_ENDED');
    holder.letGo();
    expect(await holder.done).toEqual([{ one: 1 }]);
    await closed;
    expect(database.counts()).toMatchObject({ open: 0, idle: 0, waiting: 0 });
  });

  it('can cancel its statement', async () => {
    const database = open({ connections: 1 });
    const holder = hold(database);
    await holder.begun;
    const given = database.sql`insert into said (word) values ('given up')`.execute();
    const ended = given.catch((error) => error.code);
    await expect.poll(() => database.counts().waiting).toBe(1);
    given.cancel();
    expect(await ended).toBe('CONNECTION_DESTROYED');
    holder.letGo();
    await holder.done;
    expect(await database.sql`select word from said`).toEqual([]);
  });
});

describe('connections', () => {
  it('are kept while they are idle, and no more are opened than needed', async () => {
    const database = open({ connections: 5 });
    for (let times = 0; times < 10; times++) await database.sql`select 1`;
    expect(database.counts()).toMatchObject({ open: 1, idle: 1 });
    await Promise.all([1, 2, 3, 4, 5, 6, 7].map(() => database.sql`select pg_sleep(0.02)`));
    expect(database.counts()).toMatchObject({ open: 5, idle: 5 });
  });

  it('are replaced when they are needed if they were lost while idle', async () => {
    const database = open({ connections: 2 });
    const [session] = await database.sql`select pg_backend_pid() as pid`;
    await test.database.sql`select pg_terminate_backend(${session?.pid}, 5000)`;
    await expect.poll(() => database.counts().open).toBe(0);
    expect(await database.sql`select 1 as one`).toEqual([{ one: 1 }]);
  });

  it('do not wait for those of another pool in the same process', async () => {
    const [few, more] = [open({ connections: 1 }), open({ connections: 1 })];
    const holder = hold(few);
    await holder.begun;
    const inOther = inTransaction(more.sql, (sql) => sql`select 2 as two`);
    expect(await inOther).toEqual([{ two: 2 }]);
    holder.letGo();
    await holder.done;
  });

  it('a statement that the driver cannot send fails with its transaction, and nothing else does', async () => {
    const database = open({ connections: 1 });
    const missing = { word: undefined } as unknown as { word: string };
    const failing = inTransaction(database.sql, (sql) => [
      sql`insert into said (word) values ('before')`,
      sql`insert into said (word) values (${missing.word})`,
      sql`insert into said (word) values ('after')`,
    ]);
    await expect(failing).rejects.toMatchObject({ code: 'UNDEFINED_VALUE' });
    await expect(database.sql`select ${missing.word}`).rejects.toMatchObject({ code: 'UNDEFINED_VALUE' });
    expect(await database.sql`select word from said`).toEqual([]);
  });
});

describe('faults', () => {
  it('a warning about transactions fails running statements, is logged and counted, and closes the connection', async () => {
    const database = open({ connections: 1 });
    const [first] = await database.sql`select pg_backend_pid() as pid`;
    await expect(database.sql.unsafe('commit')).rejects.toMatchObject({ code: 'DRIVER_FAULT' });
    const nested = inTransaction(database.sql, async (sql) => {
      await sql`insert into said (word) values ('nested')`;
      await sql.unsafe('begin');
    });
    await expect(nested).rejects.toMatchObject({ code: 'DRIVER_FAULT' });
    expect(database.counts().faults).toMatchObject({ transaction_warning: 2 });
    expect(lines.filter((line) => line.includes('"level":50'))).toHaveLength(2);
    const [next] = await database.sql`select pg_backend_pid() as pid`;
    expect(next?.pid).not.toBe(first?.pid);
    expect(await database.sql`select word from said`).toEqual([]);
  });

  it('a transaction that is left open is detected before its connection is lent again', async () => {
    const database = open({ connections: 1 });
    await database.sql.unsafe('begin; select 1');
    await database.sql`insert into said (word) values ('outside')`;
    expect(database.counts().faults).toMatchObject({ not_clean: 1 });
    expect(await test.database.sql`delete from said returning word`).toEqual([{ word: 'outside' }]);
  });

  it('a transaction that the server rolled back instead of committing it counts as failed', async () => {
    const database = open({ connections: 1 });
    const failing = inTransaction(database.sql, async (sql) => {
      await sql.unsafe('rollback; begin');
      await sql.unsafe('rollback').then(() => sql.unsafe('select 1'));
    });
    await expect(failing).rejects.toMatchObject({ code: 'DRIVER_FAULT' });
  });

  it('a statement outside of its caller’s transaction is refused at once if it would have to wait', async () => {
    const database = open({ connections: 2 });
    const refused = [1, 2].map(() => Promise.withResolvers<unknown>());
    const begun = Promise.withResolvers<void>();
    let count = 0;
    const both = refused.map(({ promise: _, resolve }) =>
      inTransaction(database.sql, async (sql) => {
        await sql`select 1`;
        if (++count === 2) begun.resolve();
        await begun.promise;
        await database.sql`select 1`.catch(resolve);
        await Promise.all(refused.map(({ promise }) => promise));
      }),
    );
    await Promise.all(both);
    for (const { promise } of refused)
      expect(await promise).toMatchObject({ code: 'DRIVER_FAULT', kind: 'nested' });
    expect(database.counts().faults).toMatchObject({ nested: 2 });
    expect(database.counts()).toMatchObject({ open: 2, idle: 2 });
  });

  it('a statement that comes after the end of its transaction is refused', async () => {
    const database = open({ connections: 1 });
    const ended = Promise.withResolvers<void>();
    let late: PromiseLike<unknown> | undefined;
    await inTransaction(database.sql, async (sql) => {
      late = ended.promise.then(() => sql`insert into said (word) values ('after the end')`);
      await sql`select 1`;
    });
    ended.resolve();
    await expect(late).rejects.toMatchObject({ code: 'DRIVER_FAULT' });
    expect(await database.sql`select word from said`).toEqual([]);
  });

  it('a notice of the server is logged, and is no fault', async () => {
    const database = open({ connections: 1 });
    await database.sql.unsafe(`do $$ begin raise notice 'a note'; raise warning 'take care'; end $$`);
    expect(lines.join('')).toContain('the database notes: a note');
    expect(lines.find((line) => line.includes('take care'))).toContain('"level":40');
    expect(Object.values(database.counts().faults)).toEqual([0, 0, 0, 0]);
  });
});
