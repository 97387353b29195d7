import { setTimeout as sleep } from 'node:timers/promises';
import { KINDS, type Kind } from '../support/live.ts';
import { requireOrSkip } from '../support/redis.ts';
import { AT_MOST_LATE_MS, type Seen, type Violation } from './auditor.ts';
import { FAULTS, type Fault } from './faults.ts';
import { INVARIANTS } from './invariants.ts';
import { startObserver } from './observer.ts';
import { type Load, startTraffic } from './traffic.ts';
import { openWorld, type World } from './world.ts';

/** How the faults are tried. */
export type Form = Load & {
  isShort: boolean;
  /** How often each fault is tried on each store; twice as often if it supports only one. */
  times: number;
  /** Only faults with this text in their names, and only these stores. */
  only?: { name?: string; kind?: Kind };
};

/** Each fault once, on its first store, under a light load. */
export const SHORT: Form = { isShort: true, times: 1, perCall: 4, burst: 150 };
export const LONG: Form = { isShort: false, times: 2, perCall: 10, burst: 300 };

/** The result of a fault. */
type Row = {
  fault: string;
  tried: number;
  /** Messages that were acknowledged meanwhile, each of which has to be in the feed. */
  acknowledged: number;
  /** Invariants that were checked, in all tries. */
  checked: number;
  violations: Violation[];
  /** The longest time from the fault until nothing was overdue. */
  recoveredMs: number;
};

/** The results of all faults, and how processes exited unexpectedly. */
export type Outcome = { rows: Row[]; ends: Record<string, number> };

const OVERDUE = ['no conversation that is due stays open'];
/** This many violations of a try are printed; all are counted. */
const SAID = 10;
const SETTLED_WITHIN_MS = 20_000;

/** Tries every fault with the queue on either store, in parallel. `say` reports progress. */
export async function tryFaults(form: Form, say: (line: string) => void): Promise<Outcome> {
  const { name: wanted = '', kind: on } = form.only ?? {};
  const faults = FAULTS.filter(({ name, needs }) => name.includes(wanted) && isThere(needs));
  const rows = new Map(faults.map(({ name }) => [name, emptyRow(name)]));
  const ends: Record<string, number> = {};
  const kinds = KINDS.filter((kind) => kind === (on ?? kind)).filter(
    (kind) => kind !== 'redis' || !requireOrSkip('redis').skip,
  );
  await Promise.all(kinds.map((kind) => tryOn(kind, form, faults, rows, ends, say)));
  return { rows: [...rows.values()], ends };
}

const isThere = (needs: Fault['needs']) => needs === undefined || !requireOrSkip(needs).skip;

const emptyRow = (fault: string): Row => ({
  ...{ fault, tried: 0, acknowledged: 0, checked: 0, violations: [], recoveredMs: 0 },
});

async function tryOn(
  kind: Kind,
  form: Form,
  all: readonly Fault[],
  rows: ReadonlyMap<string, Row>,
  ends: Record<string, number>,
  say: (line: string) => void,
): Promise<void> {
  const faults = all
    .filter(({ on }) => (form.isShort ? on[0] === kind : on.includes(kind)))
    .flatMap((fault) => (form.isShort || fault.on.length > 1 ? [fault] : [fault, fault]));
  if (faults.length === 0) return;
  const world = await openWorld(kind);
  try {
    for (let time = 1; time <= form.times; time++)
      for (const fault of faults) {
        const begun = Date.now();
        const row = rows.get(fault.name) as Row;
        const violations = await tryOnce(world, fault, form, row);
        row.violations.push(...violations);
        const took = `${((Date.now() - begun) / 1_000).toFixed(1)} s`;
        say(`${kind}, ${time} of ${form.times}, ${took}, ${violations.length} violations: ${fault.name}`);
        for (const { invariant, id, what } of violations.slice(0, SAID))
          say(`  ${invariant}: ${id}: ${what}`);
      }
    for (const end of world.crew.ends()) ends[end] = (ends[end] ?? 0) + 1;
  } finally {
    await world.close();
  }
}

/** Injects a fault under load, waits until everything has recovered, and audits. */
async function tryOnce(world: World, fault: Fault, form: Form, row: Row): Promise<Violation[]> {
  row.tried += 1;
  const observer = await startObserver(world);
  const traffic = startTraffic(world, form);
  try {
    await traffic.flows();
    await fault.strike(world, traffic, form);
    await world.crew.allUp();
    const mended = Date.now();
    await traffic.finish();
    row.acknowledged += traffic.acknowledged().length;
    const seen = () => ({ acknowledged: traffic.acknowledged(), ends: observer.ends() });
    // No conversation that was due 15 s ago may be open, even if it was due before the repair.
    const latest = Math.max(mended, traffic.lastDue()) + AT_MOST_LATE_MS;
    await sleep(Math.max(0, traffic.lastDue() - Date.now()));
    let overdue = await world.audit({}, 0, OVERDUE);
    while (overdue.length > 0 && Date.now() < latest) {
      await sleep(100);
      overdue = await world.audit({}, 0, OVERDUE);
    }
    row.recoveredMs = Math.max(row.recoveredMs, Date.now() - Math.max(mended, traffic.lastDue()));
    row.checked += INVARIANTS.length;
    return [...overdue, ...(await settledAudit(world, seen))];
  } catch (error) {
    await traffic.finish().catch(() => undefined);
    const what = `${(error as Error)?.stack ?? error}\n${world.crew.errors()}`;
    return [{ invariant: 'it goes on', id: world.kind, what }];
  } finally {
    await observer.stop();
  }
}

/** A message that is being sent may have been received and not yet be marked as sent: it is checked again. */
async function settledAudit(
  world: World,
  seen: () => Pick<Seen, 'acknowledged' | 'ends'>,
): Promise<Violation[]> {
  const until = Date.now() + SETTLED_WITHIN_MS;
  for (;;) {
    const outside = { taken: world.standIn.taken(), shown: world.standIn.shown(world.sms) };
    const violations = await world.audit({ ...seen(), ...outside }, AT_MOST_LATE_MS);
    if (violations.length === 0 || Date.now() > until) return violations;
    await sleep(500);
  }
}

/** The rows as a table in Markdown, with a sum. */
export function tableOf({ rows, ends }: Outcome): string {
  const sum = (of: (row: Row) => number) => rows.reduce((total, row) => total + of(row), 0);
  const cells = (
    fault: string,
    tried: number,
    acknowledged: number,
    checked: number,
    found: number,
    late: string,
  ) => `| ${fault} | ${tried} | ${acknowledged} | ${checked} | ${found} | ${late} |`;
  const seconds = (ms: number) => `${(Math.max(0, ms) / 1_000).toFixed(1)} s`;
  const lines = rows.map((row) =>
    cells(
      row.fault,
      row.tried,
      row.acknowledged,
      row.checked,
      row.violations.length,
      seconds(row.recoveredMs),
    ),
  );
  const all = cells(
    ...(['all', sum(({ tried }) => tried), sum(({ acknowledged }) => acknowledged)] as const),
    ...([sum(({ checked }) => checked), sum(({ violations }) => violations.length)] as const),
    seconds(Math.max(...rows.map(({ recoveredMs }) => recoveredMs))),
  );
  const ended = Object.entries(ends).map(([how, times]) => `${how}: ${times}`);
  return [
    '| fault | tried | messages acknowledged | invariants checked | violations | nothing overdue after |',
    '|---|--:|--:|--:|--:|--:|',
    ...lines,
    all,
    '',
    `Processes that ended unasked, and were started again: ${ended.join(', ') || 'none'}.`,
  ].join('\n');
}
