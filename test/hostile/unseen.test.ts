import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { escapeUnseen, isPlain } from '../../src/domain/text.ts';
import { receive } from '../../src/ingest/receive-webhook.ts';
import { parseTimeline } from '../../src/insight/replay/timeline.ts';
import { type Api, openApi } from '../http/open-api.ts';
import { testFolder } from '../support/folder.ts';
import { urlOf } from '../support/live.ts';
import { root } from '../support/run.ts';

let api: Api;
const folder = testFolder();
beforeAll(async () => {
  api = await openApi();
});
afterAll(async () => {
  await api.close();
  rmSync(folder, { recursive: true });
});

/** Characters that clear a screen, ring, colour, hide or reorder text. */
const UNSEEN = {
  escape: 'a\x1b[2Jb',
  bell: 'a\x07b',
  'line break': 'a\nb',
  tab: 'a\tb',
  'carriage return': 'a\rb',
  DEL: 'a\x7fb',
  'C1 control sequence': 'a\x9b31mb',
  'next line': 'a\x85b',
  'right-to-left override': 'a\u202eb',
  isolate: 'a\u2066b',
  'line separator': 'a\u2028b',
  'paragraph separator': 'a\u2029b',
  'half a pair': 'a\ud800b',
};
const each = Object.entries(UNSEEN);
/** Characters that a terminal interprets, except the end of a line. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const ACTED_ON = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

describe('control characters are refused in inputs', () => {
  const RECORD = `mutation ($activity: ActivityInput!) { recordActivities(input: { activities: [$activity] }) {
    ... on RecordedActivities { results { outcome error { code ... on InvalidInputError { field allowed } } } } } }`;
  const ERROR = '... on InvalidInputError { field allowed }';

  it.each(each)(
    '%s: in an address, an id, a tag, a case status or the version of a client',
    async (_, text) => {
      const to = { channelId: api.channel, address: 'ada' };
      await api.engine.writes('ada');
      for (const [field, activity] of [
        ['address', { channelId: api.channel, address: text, kind: 'INBOUND' }],
        ['messageId', { ...to, kind: 'INBOUND', messageId: text }],
        ['of', { ...to, kind: 'RECEIPT', of: text, state: 'READ' }],
        ['add[0]', { ...to, kind: 'TAG', add: [text] }],
        ['caseStatus', { ...to, kind: 'CASE_STATUS', caseStatus: text }],
        ['clientVersion', { ...to, kind: 'CLIENT', clientVersion: text }],
      ] as const) {
        const { data } = await api.ask(RECORD, { activity });
        const [result] = data.recordActivities.results;
        expect(result).toMatchObject({ outcome: 'REFUSED', error: { code: 'INVALID_INPUT' } });
        expect(result.error.field).toBe(`activities[0].${field}`);
        expect(result.error.allowed).toContain('without control characters');
      }
    },
  );

  it.each(each)('%s: in names, reasons and keys', async (_, text) => {
    for (const [field, mutation] of [
      ['name', `createSkill(name: $text) { ${ERROR} }`],
      ['name', `createAgent(input: { name: $text, kind: HUMAN }) { ${ERROR} }`],
      ['name', `createApiKey(input: { name: $text, scopes: ["conversations:read"] }) { ${ERROR} }`],
      ['why', `setPolicy(input: { autoClose: true, why: $text }) { ${ERROR} }`],
      ['tagOnClose', `setPolicy(input: { tagOnClose: $text }) { ${ERROR} }`],
      ['idempotencyKey', `createSkill(name: "skill", idempotencyKey: $text) { ${ERROR} }`],
    ]) {
      const { data, errors } = await api.ask(`mutation ($text: String!) { m: ${mutation} }`, { text });
      expect([mutation, errors, data?.m.field]).toEqual([mutation, undefined, field]);
    }
  });

  it('in a provider’s call, where they cost at most one event, and none if they describe the client', async () => {
    const { deps, accountId, channelId, db } = api.engine;
    const sentAt = deps.clock.now();
    const message = (id: string, address: string, more = {}) => ({
      ...{ kind: 'MESSAGE' as const, providerMessageId: id, address, sentAt },
      ...more,
    });
    const events = [
      ...each.flatMap(([name, text], index) => [
        message(`a${index}`, `bad ${text}`),
        message(`b${index}${text}`, 'bad id'),
        message(`c${index}`, `good ${name}`, {
          clientVersion: `2.${text}`,
          locale: `de${text.slice(1, -1)}`,
        }),
      ]),
      message('last', 'good last'),
    ];
    const received = await receive(deps, accountId, channelId, { events, ignored: 0, malformed: [] });
    expect(received).toMatchObject({ applied: each.length + 1, duplicates: 0, ignored: 0 });
    expect(received.faults.map(({ field }) => field)).toEqual(
      each.flatMap(() => ['address', 'providerMessageId']),
    );
    const contacts =
      await db.sql`select address, client_version, locale from contact where address like 'good %'`;
    expect(contacts).toHaveLength(each.length + 1);
    for (const { address, client_version: version } of contacts)
      expect(isPlain(`${address}${version ?? ''}`)).toBe(true);
  });

  it('in the core, independent of the caller', async () => {
    for (const [, text] of each)
      expect(await api.engine.writes(text)).toMatchObject({
        outcome: 'REFUSED',
        error: { field: 'address' },
      });
  });

  it.each(each.filter(([name]) => name !== 'half a pair'))(
    '%s: in a timeline, with line and column',
    (_, text) => {
      const quoted = `"${text}"`;
      for (const [column, row] of [
        ['conversation', `${quoted},2026-03-01T09:30:00Z,consumer,,`],
        ['agent', `c,2026-03-01T09:30:00Z,agent,${quoted},`],
        ['skill', `c,2026-03-01T09:30:00Z,consumer,,${quoted}`],
      ])
        expect(() => parseTimeline(`conversation,at,from,agent,skill\n${row}\n`)).toThrow(
          new RegExp(`${column}.*without control characters`, 's'),
        );
    },
  );

  it('but names in other scripts, joined emoji and direction marks are accepted', () => {
    for (const name of [
      'Zoë Müller',
      'נועה\u200f',
      'محمد',
      '👩‍👩‍👧',
      'क्ष',
      '山田',
      'ada\u00ad',
      '+49 170 1234567',
    ])
      expect([name, isPlain(name)]).toEqual([name, true]);
  });
});

describe('control characters are escaped in all output to a terminal', () => {
  const lull = (...args: string[]) =>
    spawnSync(process.execPath, ['src/cli.ts', ...args], {
      cwd: root,
      encoding: 'utf8',
      env: { PATH: process.env.PATH, DATABASE_URL: urlOf(api.engine.address) },
    });

  it('if they were stored before inputs were checked', async () => {
    const { sql } = api.engine.db;
    const name = Object.values(UNSEEN)
      .filter((text) => text.isWellFormed())
      .join(' ');
    await api.engine.writes('shown', { skillId: api.engine.sales });
    await sql`update contact set address = ${name} where address = 'shown'`;
    await sql`update channel set name = ${name}`;
    await sql`update skill set name = ${name} where name = 'sales'`;
    await sql`update api_key set name = ${name}`;
    await sql`update account set name = ${name}`;
    for (const args of [
      ['conversations'],
      ['conversations', '--json'],
      ['lanes'],
      ['lanes', '--json'],
      ['keys', 'list'],
    ]) {
      const { status, stdout, stderr } = lull(...args, '--account', name);
      expect([args, status, stderr]).toEqual([args, 0, '']);
      expect(stdout).not.toMatch(ACTED_ON);
      if (args.includes('--json')) expect(stdout).toContain('\\u009b');
      else if (args[0] === 'keys') expect(stdout.split('\n')).toHaveLength(2);
    }
    const listed = JSON.parse(lull('conversations', '--json', '--account', name).stdout);
    expect(listed.map(({ address }: { address: string }) => address)).toContain(name);
    await sql`update account set name = 'test'`;
  }, 600_000);

  it('if an error quotes them', () => {
    const file = join(folder, 'bad.csv');
    writeFileSync(
      file,
      'conversation,at,from,agent,skill\nc,2026-03-01T09:30:00Z,\x1b]0;title\x07\x9b31m,,\n',
    );
    for (const args of [
      ['lanes', '--account', UNSEEN.escape],
      [UNSEEN['C1 control sequence']],
      ['conversations', '--status', UNSEEN['right-to-left override']],
      ['replay', file],
      ['replay', join(folder, UNSEEN.DEL)],
      ['keys', 'create', '--name', UNSEEN.bell, '--out', join(folder, 'key')],
      ['import', 'examples/support-timeline.csv', '--channel', UNSEEN.escape],
    ]) {
      const { status, stdout, stderr } = lull(...args);
      expect([args, status, stdout]).toEqual([args, 2, '']);
      expect(stderr).not.toMatch(ACTED_ON);
      expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    }
  }, 600_000);

  it('and no command writes to the terminal without escaping', () => {
    for (const name of readdirSync(join(root, 'src/commands')).filter((each) => each !== 'terminal.ts'))
      expect([
        name,
        /std(out|err)\.write|console\./.test(readFileSync(join(root, 'src/commands', name), 'utf8')),
      ]).toEqual([name, false]);
  });

  it('by their number, and all other characters are kept', () => {
    expect(escapeUnseen('a\tb\x1b\n\ud800', '\t\n')).toBe('a\tb\\u001b\n\\ud800');
  });
});
