import { existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive, removeFolder, testFolder } from '../support/folder.ts';
import { programFor } from '../support/need.ts';

/** A time of day for processes started with `env`, which can be stepped while they run. */
export type OwnTime = {
  env: Record<string, string>;
  /** Steps it by this offset from the machine's time. @throws if libfaketime is not installed */
  step(aheadMs: number): void;
  close(): void;
};

/** Without libfaketime the processes use the machine's time. Monotonic time is never changed. */
export function openOwnTime(): OwnTime {
  const library = programFor('faketime');
  if (library === null)
    return {
      env: {},
      step() {
        throw new Error('libfaketime is not installed');
      },
      close() {},
    };
  const folder = testFolder();
  const file = join(folder, 'ahead');
  /** A concurrent reader finds either the old value or the new one. */
  function step(aheadMs: number): void {
    writeFileSync(`${file}.new`, `${aheadMs < 0 ? '-' : '+'}${Math.abs(aheadMs) / 1_000}\n`);
    renameSync(`${file}.new`, file);
  }
  step(0);
  return {
    env: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    },
    step,
    close() {
      removeFolder(folder);
      removeLeftMemory();
    },
  };
}

/** The library leaves shared memory behind, named after the process that made it. */
function removeLeftMemory(): void {
  const shared = '/dev/shm';
  if (!existsSync(shared)) return;
  for (const name of readdirSync(shared)) {
    const pid = /^(?:sem\.)?faketime_s(?:hm|em)_(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(shared, name), { force: true });
  }
}
