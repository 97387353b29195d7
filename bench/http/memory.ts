import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The proportional memory of a process in MiB: its own, plus its share of shared pages; null if the system does not report it. */
export function memoryOf(pid: number): number | null {
  const told = readOrNull(`/proc/${pid}/smaps_rollup`);
  const kilobytes = told === null ? undefined : /^Pss:\s+(\d+) kB$/m.exec(told)?.[1];
  return kilobytes === undefined ? null : Number(kilobytes) / 1024;
}

/** The Postgres of a data folder and every process it has, in MiB; null where the system does not tell. */
export function memoryOfPostgres(dataDir: string): number | null {
  const folder = readdirSync(dataDir).find(
    (name) => readOrNull(join(dataDir, name, 'postmaster.pid')) !== null,
  );
  const pid = Number(readOrNull(join(dataDir, folder ?? '', 'postmaster.pid'))?.split('\n')[0]);
  const all = [pid, ...childrenOf(pid)].map(memoryOf);
  return all.reduce<number | null>((sum, each) => (sum === null || each === null ? null : sum + each), 0);
}

function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => readOrNull(`/proc/${pid}/status`)?.includes(`\nPPid:\t${parent}\n`));
}

function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
