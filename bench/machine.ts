import { arch, cpus, platform, release, totalmem } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Sql } from 'postgres';

/** What the numbers were measured on. */
export type Machine = Record<string, string | number>;

const SETTINGS = ['shared_buffers', 'max_wal_size', 'synchronous_commit', 'fsync'];

/** Describes the machine and the database as it is set up. */
export async function describeMachine(sql: Sql, queue: string): Promise<Machine> {
  const [version] = await sql`show server_version`;
  const settings = await sql`
    select name, current_setting(name) as value from unnest(${SETTINGS}::text[]) as name`;
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: `${platform()} ${release()} ${arch()}`,
    node: process.version,
    postgres: `${version?.server_version} (${settings.map(({ name, value }) => `${name} ${value}`).join(', ')})`,
    queue,
  };
}

/** The share of the processors that is in use over a second in which the bench itself rests, 0 to 1. */
export async function busyShare(): Promise<number> {
  const before = processorTimes();
  await sleep(1000);
  const after = processorTimes();
  const total = after.total - before.total;
  return total === 0 ? 0 : 1 - (after.idle - before.idle) / total;
}

function processorTimes(): { idle: number; total: number } {
  const times = cpus().map((cpu) => cpu.times);
  return {
    idle: times.reduce((sum, each) => sum + each.idle, 0),
    total: times.reduce((sum, { user, nice, sys, idle, irq }) => sum + user + nice + sys + idle + irq, 0),
  };
}
