import type { Progress } from '../../src/insight/replay/timeline.ts';
import { type LoadJob, openLoad } from '../http/load.ts';
import { startReadyMade } from '../http/ready-made.ts';
import { startApi } from '../http/service.ts';
import { median, percentile } from '../measure.ts';
import type { Figure, Findings } from '../report.ts';
import type { Account } from '../seed.ts';
import type { Stage } from '../stage.ts';

/** Requests under way while throughput is measured; one at a time tells how long a page takes by itself. */
const AT_ONCE = 16;
const TURNS = 7;
const TURN_MS = 2_000;

const PAGE = /* GraphQL */ `
  query ($order: ConversationOrder) {
    conversations(first: 20, orderBy: $order) {
      nodes { id status due { at timer } endsAt closing { survey closeMessage separator } agent { name } }
      pageInfo { hasNextPage endCursor }
    }
  }
`;
/** The list as it comes where no order is asked for, to which the targets apply; and the one by due. */
const LISTS = [
  { name: 'newest first', order: null, floorShare: 0.5, manyToFew: 1.3 },
  { name: 'by due', order: { field: 'DUE', direction: 'ASC' }, floorShare: undefined, manyToFew: 1.3 },
] as const;

type Reader = { name: string; job: Pick<LoadJob, 'url' | 'headers' | 'bodies' | 'refused'> };
type Read = { perSecond: number; ms: number[] };

/**
 * A page of 20 conversations with due, endsAt, closing and agent over HTTP, of few open conversations and of many,
 * against a server that has the page ready: pages a second, and how long one takes.
 */
export async function reads(stage: Stage, seconds: number, onProgress: Progress): Promise<Findings> {
  const turns = Math.min(TURNS, 1 + seconds);
  const turnMs = Math.min(TURN_MS, seconds * 200);
  const api = await startApi(stage);
  const load = openLoad();
  const figures: Figure[] = [];
  try {
    const callers = [];
    for (const account of [stage.small, stage.big])
      callers.push({ name: openOf(account), headers: await api.headersFor(account) });
    for (const [index, { name, order, floorShare, manyToFew }] of LISTS.entries()) {
      const bodies = [JSON.stringify({ query: PAGE, variables: { order } })];
      const [few, many] = callers.map((caller): Reader => {
        const job = { url: api.url, headers: caller.headers, bodies, refused: '"nodes":[]' };
        return { name: caller.name, job };
      }) as [Reader, Reader];
      const { answer } = await load.send({ ...many.job, connections: 1, forMs: null });
      const readyMade = await startReadyMade(JSON.parse(answer).data);
      const floor = { name: 'floor', job: { ...many.job, url: readyMade.url } };
      try {
        const told: Progress = (done, total) => onProgress(index * total + done, LISTS.length * total);
        const read = await inTurns([few, many, floor], turns, turnMs, load.send, told);
        figures.push(...figuresOf(name, [few, many, floor], read, { floorShare, manyToFew }));
      } finally {
        readyMade.close();
      }
    }
    return { figures, failures: [] };
  } finally {
    load.close();
    await api.close();
  }
}

function openOf({ conversations }: Account): string {
  return `${conversations.toLocaleString('en')} open`;
}

type Measured = { full: Map<string, Read>; single: Map<string, Read> };

/** In turns, so that whatever else the machine does meets all alike; the first turn of each warms up. */
async function inTurns(
  readers: readonly Reader[],
  turns: number,
  turnMs: number,
  send: (job: LoadJob) => Promise<{ elapsedMs: number; ms: number[] }>,
  onProgress: Progress,
): Promise<Measured> {
  const rates = new Map<string, number[]>(readers.map(({ name }) => [name, []]));
  const full = new Map<string, number[]>(readers.map(({ name }) => [name, []]));
  const single = new Map<string, number[]>(readers.map(({ name }) => [name, []]));
  for (let turn = 0; turn <= turns; turn++) {
    for (const { name, job } of readers) {
      const busy = await send({ ...job, connections: AT_ONCE, forMs: turnMs });
      const alone = await send({ ...job, connections: 1, forMs: turnMs / 4 });
      if (turn === 0) continue;
      rates.get(name)?.push((busy.ms.length * 1000) / busy.elapsedMs);
      full.get(name)?.push(...busy.ms);
      single.get(name)?.push(...alone.ms);
    }
    onProgress(turn + 1, turns + 1);
  }
  const readOf = (ms: Map<string, number[]>) =>
    new Map([...ms].map(([name, own]) => [name, { perSecond: median(rates.get(name) ?? []), ms: own }]));
  return { full: readOf(full), single: readOf(single) };
}

function figuresOf(
  list: string,
  readers: readonly [Reader, Reader, Reader],
  { full, single }: Measured,
  { floorShare, manyToFew }: { floorShare: number | undefined; manyToFew: number },
): Figure[] {
  const figures: Figure[] = [];
  const add = (name: string, value: number, unit: Figure['unit']) =>
    figures.push({ name: `${list}, ${name}`, value, unit });
  for (const { name } of readers) {
    add(`${AT_ONCE} at once: ${name}`, full.get(name)?.perSecond ?? 0, '/s');
    add(`${AT_ONCE} at once, p50: ${name}`, percentile(full.get(name)?.ms ?? [], 0.5), 'ms');
    add(`${AT_ONCE} at once, p99: ${name}`, percentile(full.get(name)?.ms ?? [], 0.99), 'ms');
    add(`one at a time, p50: ${name}`, percentile(single.get(name)?.ms ?? [], 0.5), 'ms');
    add(`one at a time, p99: ${name}`, percentile(single.get(name)?.ms ?? [], 0.99), 'ms');
  }
  const [few, many, floor] = readers.map(({ name }) => ({
    perSecond: full.get(name)?.perSecond ?? 0,
    p50: percentile(single.get(name)?.ms ?? [], 0.5),
  })) as [Standing, Standing, Standing];
  const least = floorShare === undefined ? {} : { atLeast: floorShare };
  return [
    ...figures,
    { name: `${list}, few / floor`, value: few.perSecond / floor.perSecond, unit: '×', ...least },
    { name: `${list}, many / floor`, value: many.perSecond / floor.perSecond, unit: '×', ...least },
    { name: `${list}, p50 of many / of few`, value: many.p50 / few.p50, unit: '×', atMost: manyToFew },
  ];
}
type Standing = { perSecond: number; p50: number };
