import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };

const ROOT = new URL('../..', import.meta.url).pathname;
const SAMPLE = 'examples/support-timeline.csv';

function lull(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['src/cli.ts', ...args], {
    cwd: ROOT,
    encoding: 'utf8',
    env: { PATH: process.env.PATH },
  });
  return { status, stdout, stderr };
}

describe('LL-12 lull replay', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lull-replay-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('prints only the counts with --json', () => {
    const { status, stdout, stderr } = lull('replay', SAMPLE, '--after', 'PT2H', '--json');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const result = JSON.parse(stdout);
    expect(Object.keys(result)).toEqual([
      'messages',
      'contacts',
      'conversations',
      'ended',
      'reopened',
      'premature',
    ]);
    expect(result).toStrictEqual({
      messages: 3112,
      contacts: 785,
      conversations: 807,
      ended: { AUTO_CLOSE: 825, UNANSWERED: 4, PROTECTION: 121 },
      reopened: 143,
      premature: 143,
    });
  });

  it("uses the profile's threshold and reopen window by default", () => {
    const { status, stdout } = lull('replay', SAMPLE);
    expect(status).toBe(0);
    expect(stdout).toMatch(/closes after .*P90D.*reopens within .*P4D/s);
  });

  it('prints a table without colour if stdout is not a terminal, at most 80 columns wide', () => {
    const { status, stdout, stderr } = lull('replay', SAMPLE, '--after', 'PT2H', '--reopen-within', 'PT0S');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/AUTO_CLOSE +\d+.*reopened +0/s);
    expect(stdout).not.toContain('\u001b');
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it.each([
    ['a calendar-dependent duration', ['--after', 'P1M'], /^error: --after: /],
    [
      'a threshold below the bounds of the profile',
      ['--after', 'PT59S'],
      /^error: --after: from PT1M to P90D /,
    ],
    [
      'a reopen window above the bounds of the profile',
      ['--reopen-within', 'P31D'],
      /^error: --reopen-within: from PT0S to P30D /,
    ],
    ['a profile that does not exist', ['--profile', 'LOUD'], /^error: --profile: .*LOUD.*LULL/],
    ['an option that does not exist', ['--aftr', 'PT2H'], /^error: unknown option '--aftr' .*--after/],
  ])('refuses %s', (_, options, message) => {
    const { status, stdout, stderr } = lull('replay', SAMPLE, '--json', ...options);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^[^\n]+\n$/);
  });

  it('refuses a malformed file, naming line and column', () => {
    const file = join(folder, 'malformed.csv');
    writeFileSync(file, 'conversation,at,from,agent,skill\nc1,2026-03-01T09:30:00Z,bot,,\n');
    expect(lull('replay', file, '--json')).toEqual({
      status: 2,
      stdout: '',
      stderr: 'error: line 2, column from: "bot" is neither consumer nor agent\n',
    });
  });

  it('refuses a file that does not exist', () => {
    const file = join(folder, 'missing.csv');
    expect(lull('replay', file)).toEqual({
      status: 2,
      stdout: '',
      stderr: `error: the file "${file}" does not exist\n`,
    });
  });
});

describe('lull', () => {
  it('prints its version', () => {
    expect(lull('--version')).toEqual({ status: 0, stdout: `${packageJson.version}\n`, stderr: '' });
  });

  it('prints help on request', () => {
    expect(lull('--help')).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('replay'),
      stderr: '',
    });
    const { status, stdout } = lull('help', 'replay');
    expect(status).toBe(0);
    for (const option of ['--after', '--reopen-within', '--profile', '--json'])
      expect(stdout).toContain(option);
  });

  it('refuses an unknown command and a missing command', () => {
    expect(lull('repaly')).toEqual({
      status: 2,
      stdout: '',
      stderr: "error: unknown command 'repaly' (Did you mean replay?)\n",
    });
    expect(lull()).toMatchObject({ status: 2, stdout: '', stderr: expect.stringContaining('Usage: lull') });
  });
});
