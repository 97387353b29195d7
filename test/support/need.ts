import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** What some tests need and not every machine has: the programs, or the libraries, of which one must be there. */
const NEEDS = {
  redis: ['redis-server', 'valkey-server'],
  chromium: ['chromium', 'chromium-browser', 'google-chrome'],
  postgres15: ['/usr/lib/postgresql/15/bin/postgres'],
  faketime: ['x86_64', 'aarch64'].map((cpu) => `/usr/lib/${cpu}-linux-gnu/faketime/libfaketimeMT.so.1`),
} as const;
export type Need = keyof typeof NEEDS;

/** The first of the need's programs, or libraries, that is installed; null without any. */
export function programFor(need: Need): string | null {
  for (const program of NEEDS[need]) {
    if (program.includes('.so') && existsSync(program)) return program;
    const found = spawnSync('sh', ['-c', 'command -v "$1"', 'sh', program], { encoding: 'utf8' });
    if (found.status === 0) return found.stdout.trim();
  }
  return null;
}

/**
 * Options of a `describe` whose tests cannot run without it: they are skipped with a printed reason where it is
 * missing, and fail where LULL_REQUIRE (names with commas between) says that it must be there.
 */
export function requireOrSkip(need: Need): { skip: boolean } {
  if (programFor(need) !== null) return { skip: false };
  const reason = `${need} is not installed (none of ${NEEDS[need].join(', ')})`;
  if (process.env.LULL_REQUIRE?.split(',').includes(need))
    throw new Error(`${reason}, but LULL_REQUIRE asks for it`);
  process.stderr.write(`skipped: ${reason}\n`);
  return { skip: true };
}
