import { setTimeout as sleep } from 'node:timers/promises';
import postgres, { type Sql } from 'postgres';
import { postgresOptions } from '../../src/db/address.ts';
import type { Kind } from '../support/live.ts';
import type { Need } from '../support/need.ts';
import { CLOCK_FAULTS } from './clock-faults.ts';
import { PROVIDER_DOWN } from './provider-fault.ts';
import { arrayOf, caught, inMidBatch, known, SLOWLY, settled, until } from './strike.ts';
import type { Load, Traffic } from './traffic.ts';
import { CUT, WORKERS, type World } from './world.ts';

/** A fault that is injected while conversations are started, answered, replied to, ended and closed. */
export type Fault = {
  name: string;
  /** The stores of the queue that the fault can be tried with; the short form uses the first. */
  on: readonly Kind[];
  /** Programs that the fault needs. */
  needs?: Need;
  /**
   * Injects the fault and allows its repair: afterwards everything has to recover. @throws if the injection failed
   */
  strike(world: World, traffic: Traffic, load: Load & { isShort: boolean }): Promise<void>;
};

export const FAULTS: readonly Fault[] = [
  {
    name: 'kill -9 of a worker in mid-batch',
    on: ['postgres', 'redis'],
    strike: (world, traffic, load) =>
      inMidBatch(world, traffic, load, ({ who }) => world.crew.kill(who, 'SIGKILL')),
  },
  {
    name: 'kill -9 of the API in mid-request',
    on: ['redis', 'postgres'],
    async strike(world, traffic, { burst }) {
      await world.afflict(SLOWLY);
      const reported = settled(traffic.burst(burst));
      const writing = `usename = 'api' and state <> 'idle' and xact_start < clock_timestamp() - interval '30 ms'`;
      try {
        world.crew.kill((await caught(world, writing)).who, 'SIGKILL');
      } finally {
        await world.afflict(null);
      }
      await known(reported);
    },
  },
  {
    name: 'kill -9 of a Postgres session in mid-transaction: all sessions end',
    on: ['postgres', 'redis'],
    strike: (world, traffic, load) =>
      inMidBatch(world, traffic, load, ({ pid }) => void process.kill(pid, 'SIGKILL')),
  },
  {
    name: 'kill -9 of Postgres as a whole, and a restart',
    on: ['postgres', 'redis'],
    strike: (world, traffic, load) =>
      inMidBatch(world, traffic, load, async () => {
        const killed = world.postgres.postmaster();
        process.kill(killed, 'SIGKILL');
        await until('Postgres has been started again', async () => {
          await world.postgres.patiently((sql) => sql`select 1`);
          return world.postgres.postmaster() !== killed;
        });
      }),
  },
  {
    name: 'every row of the queue deleted',
    on: ['postgres'],
    async strike({ postgres }, traffic, { burst }) {
      await traffic.burst(burst);
      for (let times = 0; times < 3; times++) {
        await postgres.patiently(async (sql) => {
          const tables = await sql`
            select format('%I.%I', schemaname, tablename) as name from pg_tables
            where schemaname = 'lull_queue' and tablename <> 'migration'`;
          await sql.unsafe(`truncate ${tables.map(({ name }) => name).join(', ')}`);
        });
        await sleep(400);
      }
    },
  },
  {
    name: 'Redis wiped',
    on: ['redis'],
    async strike({ redis }, traffic, { burst }) {
      await traffic.burst(burst);
      for (let times = 0; times < 3; times++) {
        await redis?.wipe();
        await sleep(400);
      }
    },
  },
  {
    name: 'Redis killed, and started again empty',
    on: ['redis'],
    async strike({ redis }, traffic, { burst, isShort }) {
      await traffic.burst(burst);
      await redis?.kill();
      await traffic.burst(burst);
      await sleep(isShort ? 1_500 : 8_000);
      await redis?.startAgain();
    },
  },
  {
    name: 'four workers instead of two, and two again',
    on: ['postgres', 'redis'],
    async strike({ crew }, traffic, { burst }) {
      const more = ['worker3', 'worker4'];
      await Promise.all(more.map((name) => crew.start(name, 'worker')));
      await traffic.burst(burst, 800);
      await sleep(1_000);
      await traffic.burst(burst, 500);
      await Promise.all(more.map((name) => crew.leave(name)));
    },
  },
  {
    name: 'a worker stopped (SIGSTOP) past its lock, and resumed',
    on: ['redis', 'postgres'],
    strike: (world, traffic, load) =>
      inMidBatch(world, traffic, load, async ({ who }) => {
        world.crew.kill(who, 'SIGSTOP');
        await world.afflict(null);
        // Its lock lasts 10 s; a transaction that it left idle is ended after 15 s.
        await sleep(load.isShort ? 11_000 : 20_000);
        world.crew.kill(who, 'SIGCONT');
      }),
  },
  {
    name: "a worker's clocks stepped by minutes, both ways",
    on: ['redis', 'postgres'],
    async strike({ crew }, traffic, { burst }) {
      await crew.start('stepped', 'worker', ['--import', './test/faults/stepped-clock.ts']);
      // From now on no other process closes conversations.
      await Promise.all(WORKERS.map((name) => crew.leave(name)));
      const has = (text: string, times: number) => async () =>
        crew.said('stepped').split(text).length > times;
      for (const step of [1, 2, 3, 4]) {
        await traffic.burst(burst, 700);
        crew.kill('stepped', 'SIGUSR2');
        await until(`step ${step}`, has(`step ${step} of 4`, 1));
        // It does not read the machine's time; it has to notice a wrong clock of its own process.
        if (step > 2) await until('it is corrected', has('running time has jumped; corrected', step - 2));
        await sleep(800);
      }
      await Promise.all(WORKERS.map((name) => crew.start(name, 'worker')));
      await crew.leave('stepped');
    },
  },
  ...CLOCK_FAULTS,
  {
    name: 'no space left for the files of Postgres',
    on: ['postgres', 'redis'],
    async strike({ postgres }, traffic, { burst, isShort }) {
      const before = postgres.log().length;
      const isFull = () => postgres.log().slice(before).includes('File too large');
      // A new file of the log begins at 0; the limit leaves room for the memory that processes of Postgres share.
      await postgres.patiently((sql) => sql`select pg_switch_wal()`);
      await postgres.patiently(
        (sql) => sql`select pg_logical_emit_message(false, 'filling', repeat('-', 3500000))`,
      );
      postgres.limitFiles(4_000_000);
      const reported = settled(traffic.burst(burst));
      await until('there is no space', async () => isFull());
      await sleep(isShort ? 1_000 : 5_000);
      postgres.limitFiles(null);
      await postgres.patiently((sql) => sql`select 1`);
      await known(reported);
    },
  },
  {
    name: 'no connection to Postgres left',
    on: ['postgres', 'redis'],
    async strike({ postgres: { address } }, traffic, { burst, isShort }) {
      await traffic.burst(burst);
      const taken: Sql[] = [];
      const take = async (): Promise<boolean> => {
        const sql = postgres({
          ...postgresOptions(address),
          max: 1,
          fetch_types: false,
          connection: { application_name: 'others' },
        });
        try {
          await sql`select 1`;
          taken.push(sql);
          return true;
        } catch {
          await sql.end({ timeout: 0 });
          return false;
        }
      };
      // Every connection may be in use now: wait for the first one.
      await until('the others have a connection', take);
      while (await take());
      const [others] = taken as [Sql];
      const end = Date.now() + (isShort ? 2_500 : 8_000);
      let freed = 0;
      while (Date.now() < end) {
        const gone = await others`
          select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'lull'`;
        freed += gone.length;
        while (await take());
      }
      await Promise.all(taken.map((sql) => sql.end({ timeout: 0 })));
      if (freed === 0) throw new Error('nobody lost a connection');
    },
  },
  {
    name: 'connections to Postgres cut at random bytes',
    on: ['redis', 'postgres'],
    async strike({ crew, proxy }, traffic, { burst, isShort }) {
      await Promise.all(['api', ...WORKERS].map((name) => crew.leave(name)));
      await Promise.all([crew.start('cutapi', 'api'), crew.start('cut1', 'worker')]);
      await traffic.burst(burst);
      const reported = settled(traffic.burst(burst, 2_000));
      const end = Date.now() + (isShort ? 4_000 : 20_000);
      for (let round = 0; Date.now() < end; round++) {
        // From the middle of a greeting to that of a large answer.
        proxy.cutWithin([500, 5_000, 50_000, 500_000][round % 4] as number);
        await sleep(250);
      }
      proxy.cutWithin(null);
      await known(reported);
      if (proxy.cuts() < 20) throw new Error(`${proxy.cuts()} connections were cut`);
      await Promise.all(CUT.map((name) => crew.leave(name)));
      await Promise.all([crew.start('api', 'api'), ...WORKERS.map((name) => crew.start(name, 'worker'))]);
    },
  },
  PROVIDER_DOWN,
  {
    name: 'a conversation whose row cannot be written',
    on: ['redis', 'postgres'],
    async strike(world, traffic, { burst }) {
      const { ids, addresses } = await traffic.burst(burst);
      const bad = [0, Math.floor(burst / 2), burst - 1];
      const list = bad.map((index) => `'${ids[index]}'`).join(', ');
      await world.afflict(`if new.status = 'ENDED' and new.id in (${list}) then raise 'bad row'; end if;`);
      const aside = () =>
        world.postgres.patiently(
          (sql) => sql`
            select conversation_id as id from event where kind = 'SET_ASIDE' and conversation_id = any(${arrayOf(ids)}::uuid[])`,
        );
      await until('they are set aside', async () => (await aside()).length >= bad.length);
      const others = await world.postgres.patiently(
        (sql) => sql`select 1 from conversation where id = any(${arrayOf(ids)}::uuid[]) and status = 'ENDED'`,
      );
      await world.afflict(null);
      const told = (await aside()).map(({ id }) => id).sort();
      if (
        told.join() !==
        bad
          .map((index) => ids[index])
          .sort()
          .join()
      )
        throw new Error(`set aside were ${told}`);
      if (others.length === 0) throw new Error('the others did not go on');
      for (const index of bad) await traffic.writes(addresses[index] as string);
      const back = await world.postgres.patiently(
        (sql) =>
          sql`select 1 from conversation where id = any(${arrayOf(told)}::uuid[]) and lane_id is not null`,
      );
      if (back.length !== bad.length) throw new Error(`${back.length} of ${bad.length} are in a lane again`);
    },
  },
];
