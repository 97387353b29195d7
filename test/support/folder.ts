import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const NAME = /^lull-test-(\d+)-/;

/** A new temporary folder that other users may enter too. The caller removes it; if it is killed, the next run does. */
export function testFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), `lull-test-${process.pid}-`));
  chmodSync(folder, 0o755);
  return folder;
}

/** Removes a folder, though something may still be writing there. */
export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
}

/** Removes the folders of processes that were killed. */
export function removeLeftFolders(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = NAME.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) removeFolder(join(tmpdir(), name));
  }
}

/** Whether a process runs. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
