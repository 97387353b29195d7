import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Api, openApi } from '../http/open-api.ts';
import { HOUR } from '../support/engine.ts';

let api: Api;
beforeAll(async () => {
  api = await openApi();
  await api.engine.policy({ autoCloseAfter: 'PT2H' });
});
afterAll(() => api.close());

const EXPLAIN = /* GraphQL */ `
  query ($id: ID!) {
    conversation(id: $id) {
      due { at timer }
      explanation {
        due { at timer willDo endReason origin { scope version clamped } }
        timers {
          timer willDo endReason dueAt clock clockAt after
          movedBy { kind revision agent { name } }
          origin { scope }
          guards { guard passes }
        }
      }
    }
  }
`;
const inbound = (address: string) => ({ kind: 'INBOUND', channelId: api.channel, address });

it('LL-1 gives the due time, the timer, its policy layer, the activity that restarted the clock, and every guard', async () => {
  const [{ conversationId: id }] = await api.record(inbound('why'));
  await api.record({ kind: 'OUTBOUND', conversationId: id, sender: 'AGENT', agentId: api.ann });
  await api.record({ kind: 'COMMENT', conversationId: id });
  const now = api.engine.clock.now();
  const { due, explanation } = (await api.ask(EXPLAIN, { id })).data.conversation;
  const at = new Date(now.getTime() + 2 * HOUR).toISOString();
  expect(due).toEqual({ at, timer: 'AUTO_CLOSE' });
  expect(explanation.due).toMatchObject({ ...due, willDo: 'END', endReason: 'AUTO_CLOSE' });
  expect(explanation.due.origin).toMatchObject({ scope: 'ACCOUNT', clamped: false });
  expect(explanation.timers[0]).toEqual({
    timer: 'AUTO_CLOSE',
    willDo: 'END',
    endReason: 'AUTO_CLOSE',
    dueAt: at,
    clock: 'lastActivityAt',
    clockAt: now.toISOString(),
    after: 'PT2H',
    movedBy: { kind: 'OUTBOUND', revision: 2, agent: { name: 'ann' } },
    origin: { scope: 'ACCOUNT' },
    guards: expect.arrayContaining([{ guard: 'NOT_HELD', passes: true }]),
  });
  await api.record({ kind: 'HOLD', conversationId: id });
  const held = (await api.ask(EXPLAIN, { id })).data.conversation.explanation;
  const close = held.timers.find(({ timer }: { timer: string }) => timer === 'AUTO_CLOSE');
  expect(close.dueAt).toBeNull();
  expect(close.guards).toContainEqual({ guard: 'NOT_HELD', passes: false });
  const FAILING =
    'query ($id: ID!) { conversation(id: $id) { explanation { timers { timer guards(passes: false) { guard } } } } }';
  const failing = (await api.ask(FAILING, { id })).data.conversation.explanation.timers;
  expect(failing).toContainEqual({ timer: 'AUTO_CLOSE', guards: [{ guard: 'NOT_HELD' }] });
});

it('LL-1 explains a page of any size with the same number of statements', async () => {
  const PAGE =
    'query ($first: Int!) { conversations(first: $first) { nodes { explanation { timers { dueAt movedBy { kind } } } } } }';
  await api.record(...Array.from({ length: 40 }, (_, n) => inbound(`page ${n}`)));
  const cost = async (first: number) => {
    const before = api.statements();
    const { nodes } = (await api.ask(PAGE, { first })).data.conversations;
    expect(nodes).toHaveLength(first);
    expect(nodes[0].explanation.timers.some((each: { movedBy: unknown }) => each.movedBy !== null)).toBe(
      true,
    );
    return api.statements() - before;
  };
  await cost(2);
  expect(await cost(40)).toBe(await cost(2));
});

it('is refused without the scope and null for an unknown conversation', async () => {
  const writer = await api.makeKey(['activities:write']);
  const id = api.id('Conversation', '0190a000-0000-7000-8000-000000000001');
  expect((await api.ask(EXPLAIN, { id }, writer)).errors).toMatchObject([
    { extensions: { code: 'FORBIDDEN' } },
  ]);
  expect((await api.ask(EXPLAIN, { id })).data.conversation).toBeNull();
});
