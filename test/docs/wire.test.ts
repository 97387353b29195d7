import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isLullSigned, isStandardSigned } from '../../src/adapters/shared/signature.ts';
import { parseWire } from '../../src/adapters/shared/wire.ts';
import { call, OWN, STANDARD } from '../adapters/samples.ts';
import { type Api, openApi } from '../http/open-api.ts';

const page = readFileSync(new URL('../../docs/wire.md', import.meta.url), 'utf8');
const shown = (name: string) =>
  new RegExp(`<!-- ${name} -->\\n\`\`\`json\\n([\\s\\S]*?)\\n\`\`\``).exec(page)?.[1] ?? '';
const script = /```sh\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
const headers = [...page.matchAll(/```\n((?:[\w-]+: .*\n)+)```/g)].map(([, lines = '']) =>
  Object.fromEntries(
    lines
      .trim()
      .split('\n')
      .map((line) => line.split(': ') as [string, string]),
  ),
);
const AT = new Date(1_767_618_000_000);

let api: Api;
beforeAll(async () => {
  api = await openApi(new Date());
});
afterAll(() => api.close());

async function makeChannel(adapterId: string, settings: object) {
  const answer = await api.ask(
    `mutation ($name: String!, $adapterId: String!, $settings: JSONObject!) {
      createChannel(input: { name: $name, adapterId: $adapterId, settings: $settings }) {
        ... on Channel { id webhookPath } ... on Error { message } } }`,
    { name: `${adapterId} of the page`, adapterId, settings },
  );
  return answer.data.createChannel as { id: string; webhookPath: string };
}

describe('docs/wire.md', () => {
  it('has a script whose event is recorded when it is pasted', async () => {
    const secret = 'a secret of the page of this test';
    const { webhookPath } = await makeChannel('web', { secret });
    const env = { ...process.env, LULL: api.server.url, WEBHOOK_PATH: webhookPath, SECRET: secret };
    const { stdout } = await promisify(execFile)('sh', ['-c', script], { env });
    expect(stdout).toMatch(/2\d\d\n$/);
    const answer = await api.ask('{ conversations { nodes { contact { address } channel { name } } } }');
    expect(answer.data.conversations.nodes).toEqual([
      { contact: { address: 'ada' }, channel: { name: 'web of the page' } },
    ]);
  });

  it('shows events of every type, which the format accepts', () => {
    const { events, ignored, malformed } = parseWire(Buffer.from(shown('events')));
    expect(events.map(({ kind }) => kind)).toEqual(['MESSAGE', 'RECEIPT', 'ECHO', 'LEAVE', 'END']);
    expect([ignored, malformed]).toEqual([0, []]);
  });

  it('shows messages with ids of the API', () => {
    const messages: Record<string, string>[] = JSON.parse(shown('out'));
    expect(messages.map(({ kind }) => kind)).toEqual(['WARNING', 'CLOSE_MESSAGE', 'SURVEY', 'SEPARATOR']);
    for (const { conversationId = '' } of messages) expect(atob(conversationId)).toMatch(/^Conversation:/);
  });

  it('has vectors of both signatures that Lull accepts', () => {
    const [own = {}, standard = {}] = headers;
    const body = shown('vector');
    expect(headers).toHaveLength(2);
    expect(isLullSigned(call(own, body), OWN.secret, AT)).toBe(true);
    expect(isStandardSigned(call(standard, body), STANDARD.secret, AT)).toBe(true);
    expect(page).toContain(`\`${OWN.secret}\``);
    expect(page).toContain(`\`${STANDARD.secret}\``);
  });

  it('LP-9 a channel without deliverUrl shows the text of the end in closing', async () => {
    const settings = { secret: STANDARD.secret, showSurvey: true, showCloseMessage: true };
    const { id: channelId } = await makeChannel('byoc', settings);
    const [{ conversationId }] = await api.record({ kind: 'INBOUND', channelId, address: 'eve' });
    await api.record({ kind: 'END', by: 'AGENT', conversationId });
    const answer = await api.ask(
      'query ($id: ID!) { node(id: $id) { ... on Conversation { status closing { survey closeMessage } } } }',
      { id: conversationId },
    );
    const closing = { survey: true, closeMessage: 'Conversation resolved' };
    expect(answer.data.node).toEqual({ status: 'ENDED', closing });
  });
});
