import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeId } from '../../src/schema/core/ids.ts';
import { type Engine, MINUTE, openEngine } from '../support/engine.ts';
import { urlOf } from '../support/live.ts';
import { root } from '../support/run.ts';

let engine: Engine;
let env: NodeJS.ProcessEnv;
let open: string;
let ended: string;
beforeAll(async () => {
  engine = await openEngine();
  env = { PATH: process.env.PATH, DATABASE_URL: urlOf(engine.address) };
  await engine.policy({ autoCloseAfter: 'PT2H' });
  await engine.writes('ended@lull.example');
  await engine.does('ended@lull.example', { kind: 'END', by: 'AGENT', agentId: engine.ann });
  await engine.writes('open@lull.example', { skillId: engine.sales });
  await engine.answers('open@lull.example');
  open = (await engine.latest('open@lull.example')).id;
  ended = (await engine.latest('ended@lull.example')).id;
});
afterAll(() => engine.drop());

/** Runs a command on the database, with nothing of this process's environment but what finds programs. */
function lull(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['src/cli.ts', ...args], {
    cwd: root,
    encoding: 'utf8',
    env,
  });
  return { status, stdout, stderr };
}
const inAccount = ['--account', 'test'];
const widest = (text: string) => Math.max(...text.split('\n').map((line) => line.length));
const due = () => new Date(engine.clock.now().getTime() + 120 * MINUTE);

describe('lull conversations', () => {
  it('lists conversations in 80 columns, newest first', () => {
    const { status, stdout, stderr } = lull('conversations', ...inAccount);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const [head, first, second, ...rest] = stdout.split('\n');
    expect(head).toMatch(/^id +status +due +timer$/);
    expect(first).toBe(`${open}  ACTIVE  2026-03-02 14:00:00Z  AUTO_CLOSE`);
    expect(second).toMatch(new RegExp(`^${ended}  ENDED   –  +COMMAND$`));
    expect(rest).toEqual(['']);
    expect(widest(stdout)).toBeLessThanOrEqual(80);
  });

  it('prints only JSON with --json, and applies --status and --limit', () => {
    const { status, stdout, stderr } = lull('conversations', ...inAccount, '--json', '--status', 'ACTIVE');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual([
      {
        id: open,
        status: 'ACTIVE',
        awaiting: 'CONSUMER',
        channel: 'web',
        skill: 'sales',
        address: 'open@lull.example',
        lastActivityAt: engine.clock.now().toISOString(),
        due: { at: due().toISOString(), timer: 'AUTO_CLOSE' },
        ended: null,
      },
    ]);
    expect(JSON.parse(lull('conversations', ...inAccount, '--json', '--limit', '1').stdout)).toHaveLength(1);
  });
});

describe('LL-1 lull explain', () => {
  it('explains when and why a conversation will end, in 80 columns', () => {
    const { status, stdout, stderr } = lull('explain', open, ...inAccount);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain(`${open} is ACTIVE, awaiting CONSUMER`);
    expect(stdout).toContain('due        2026-03-02 14:00:00Z: AUTO_CLOSE, END');
    expect(stdout).toContain('counts     2 h from lastActivityAt, 2026-03-02 12:00:00Z');
    expect(stdout).toContain('moved by   OUTBOUND by AGENT at 2026-03-02 12:00:00Z, revision 2');
    expect(stdout).toMatch(/set by {5}ACCOUNT, version \d+/);
    expect(stdout).toMatch(/^INACTIVATE +– +SWITCHED_ON$/m);
    expect(widest(stdout)).toBeLessThanOrEqual(80);
  });

  it('accepts the global id of the API, and prints JSON', () => {
    const { status, stdout, stderr } = lull(
      'explain',
      encodeId('Conversation', open),
      ...inAccount,
      '--json',
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const { id, timers, due: next } = JSON.parse(stdout);
    expect({ id, next }).toEqual({ id: open, next: { at: due().toISOString(), timer: 'AUTO_CLOSE' } });
    expect(timers[0]).toMatchObject({
      timer: 'AUTO_CLOSE',
      after: 'PT2H',
      movedBy: { kind: 'OUTBOUND', revision: 2 },
      guards: expect.arrayContaining([{ name: 'NOT_HELD', passes: true }]),
    });
  });

  it('shows how an ended conversation ended', () => {
    const { stdout } = lull('explain', ended, ...inAccount);
    expect(stdout).toContain(`${ended} has ended`);
    expect(stdout).toContain('reason     COMMAND, by AGENT');
  });
});

describe('lull lanes', () => {
  it('lists each lane with its wake time and the facts of its conversations, in 80 columns', () => {
    const { status, stdout, stderr } = lull('lanes', ...inAccount, '--counts');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^wakes +open +channel +skill +status +awaiting/);
    expect(stdout).toMatch(/Z +1 +web +sales +ACTIVE +CONSUMER/);
    expect(stdout).toMatch(/Z +0 +web +– +WAITING +AGENT/);
    expect(widest(stdout)).toBeLessThanOrEqual(80);
  });

  it('prints only JSON with --json', () => {
    const { status, stdout, stderr } = lull('lanes', ...inAccount, '--json');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const lanes = JSON.parse(stdout);
    expect(lanes).toContainEqual(
      expect.objectContaining({ channel: 'web', skill: 'sales', status: 'ACTIVE', held: false, stage: 0 }),
    );
    for (const lane of lanes) expect(lane).not.toHaveProperty('open');
  });
});

it.each([
  ['an account that does not exist', ['lanes', '--account', 'nobody'], '--account: no such account: nobody'],
  [
    'a malformed id',
    ['explain', 'x', ...inAccount],
    'id: the id of a conversation is allowed, from `lull conversations` or the API',
  ],
  [
    'a conversation that does not exist',
    ['explain', '0190a000-0000-7000-8000-000000000001', ...inAccount],
    'id: no such conversation in the account test',
  ],
  ['a limit of 0', ['conversations', '--limit', '0'], '--limit: a whole number from 1 to 1000 is allowed'],
])('refuses %s', (_, args, message) => {
  expect(lull(...args)).toEqual({ status: 2, stdout: '', stderr: `error: ${message}\n` });
});

it('refuses a status that does not exist', () => {
  const { status, stderr } = lull('conversations', '--status', 'LOUD');
  expect(status).toBe(2);
  expect(stderr).toMatch(/LOUD.*NEW, WAITING, ACTIVE, INACTIVE, ENDED/);
});
