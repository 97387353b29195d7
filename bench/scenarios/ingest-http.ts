import type { Activity } from '../../src/engine.ts';
import { recordActivities } from '../../src/ingest/record-activities.ts';
import type { Progress } from '../../src/insight/replay/timeline.ts';
import { encodeId } from '../../src/schema/core/ids.ts';
import { openLoad } from '../http/load.ts';
import { startApi } from '../http/service.ts';
import { median, timed } from '../measure.ts';
import { activityOf, type Message, messageSource } from '../messages.ts';
import type { Findings } from '../report.ts';
import type { Stage } from '../stage.ts';

const A_CALL = 500;
const AT_ONCE = 2;
const TURNS = 5;
const CALLS = 40;

const RECORD = /* GraphQL */ `
  mutation ($input: RecordActivitiesInput!) {
    recordActivities(input: $input) {
      ... on RecordedActivities { results { outcome conversationId error { message } } }
      ... on Error { message }
    }
  }
`;

/** How many messages a second the API takes over HTTP, 500 a call, against the same calls within this process. */
export async function ingestHttp(stage: Stage, onProgress: Progress): Promise<Findings> {
  const { engine, big } = stage;
  const next = await messageSource(stage);
  const calls = Math.max(4, Math.min(CALLS, Math.round(big.conversations / 5000)));
  const refused: string[] = [];
  const api = await startApi(stage);
  const load = openLoad();
  try {
    const headers = await api.headersFor(big);
    /** Both get messages that are made before the time is taken. */
    const overHttp = async () => {
      const bodies = Array.from({ length: calls }, () => bodyOf(next(A_CALL)));
      const job = { url: api.url, headers, bodies, connections: AT_ONCE, forMs: null, refused: 'REFUSED' };
      const { elapsedMs, answer } = await load.send(job);
      if (!answer.includes('APPLIED')) refused.push(answer.slice(0, 200));
      return (calls * A_CALL * 1000) / elapsedMs;
    };
    const inProcess = async () => {
      const waiting = Array.from({ length: calls }, () => next(A_CALL).map(activityOf));
      const { ms } = await timed(() => applyAll(waiting));
      return (calls * A_CALL * 1000) / ms;
    };
    const applyAll = (waiting: Activity[][]) =>
      Promise.all(
        Array.from({ length: AT_ONCE }, async () => {
          for (let call = waiting.pop(); call; call = waiting.pop())
            for (const { outcome } of await recordActivities(engine.deps, big.accountId, call))
              if (outcome !== 'APPLIED') refused.push(outcome);
        }),
      );
    const rates: { http: number; direct: number }[] = [];
    for (let turn = 0; turn <= TURNS; turn++) {
      rates.push({ http: await overHttp(), direct: await inProcess() });
      onProgress(turn + 1, TURNS + 1);
    }
    // The first turn warms up.
    const http = median(rates.slice(1).map((each) => each.http));
    const direct = median(rates.slice(1).map((each) => each.direct));
    const what = `${A_CALL} a call, ${AT_ONCE} at once`;
    return {
      figures: [
        { name: `${what}: over HTTP`, value: http, unit: '/s' },
        { name: `${what}: in process`, value: direct, unit: '/s' },
        { name: `${what}: HTTP / in process`, value: http / direct, unit: '×', atLeast: 0.5 },
      ],
      failures: refused.length > 0 ? [`${refused.length} were not applied: ${[...new Set(refused)]}`] : [],
    };
  } finally {
    load.close();
    await api.close();
  }
}

/** A call as a client sends it. */
function bodyOf(messages: readonly Message[]): string {
  const activities = messages.map(({ channelId, address, messageId, kind, agentId }) => ({
    ...{ kind, channelId: encodeId('Channel', channelId), address, messageId },
    ...(kind === 'OUTBOUND' && { sender: 'AGENT' }),
    ...(agentId !== null && { agentId: encodeId('Agent', agentId) }),
  }));
  return JSON.stringify({ query: RECORD, variables: { input: { activities } } });
}
