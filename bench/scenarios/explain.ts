import type { Sql, TransactionSql } from 'postgres';
import { CLOCK_COLUMNS } from '../../src/db/rows/conversations.ts';
import type { AccountRules } from '../../src/domain/policy/account-rules.ts';
import { parsePolicyFields } from '../../src/domain/policy/policy-fields.ts';
import { openLaneDirectory } from '../../src/wake/lane-directory.ts';
import { wakeLane } from '../../src/wake/wake-lane.ts';
import { type Explained, explainStatement, PLANS } from '../explain-statement.ts';
import type { Findings } from '../report.ts';
import type { Lane } from '../seed.ts';
import type { Stage } from '../stage.ts';

const DAY_MS = 86_400_000;
/** Conversations are quiet for up to ten days: that far ahead some are due under each of these, and some are not. */
/** The batches go by a time of their own. */
const ANY_TIME = { from: new Date(0), to: new Date('9999-12-31T00:00Z') };
const AHEAD_MS = 23 * DAY_MS;
const EVERY_TIMER = {
  autoCloseAfter: 'P30D',
  remindBefore: ['P5D'],
  inactivate: true,
  inactivateAfter: 'P24D',
  endInactiveAfter: 'P26D',
  endUnansweredAfter: 'P26D',
  queueTimeout: true,
  queueTimeoutAfter: 'P26D',
};
/** One wake at which nobody is due, of which all is explained; and one ahead of now, of which the batches are. */
const SETTLING = { aheadMs: 0, isWanted: () => true };
const ACTING = { aheadMs: AHEAD_MS, isWanted: (text: string) => text.includes('insert into event') };
type Part = { aheadMs: number; isWanted: (text: string) => boolean };

/** Tables that grow: nothing may read one of them from end to end. */
const GROWING = new Set(['contact', 'conversation', 'event', 'lane', 'outbox']);

/**
 * EXPLAIN (ANALYZE, BUFFERS) of every statement that real wakes send, settling included, with their real
 * parameters and in the state they meet; as custom and as generic plan. Nothing of it stays.
 */
export async function explain(stage: Stage): Promise<Findings> {
  const { engine, big } = stage;
  const rules = await engine.deps.rules.newest(big.accountId);
  const layer = { channelId: null, skillId: null, version: rules.version };
  const [account] = rules.layers;
  const fields = { ...account?.fields, ...parsePolicyFields(EVERY_TIMER) };
  const everyTimer: AccountRules = {
    ...rules,
    layers: [{ ...layer, fields }],
    history: [],
    exemptTags: new Set(['vip']),
  };
  const explained: Explained[] = [];
  for (const lane of lanesToWake(big.lanes)) {
    explained.push(...(await explainWake(stage, lane, everyTimer, SETTLING)));
    explained.push(...(await explainWake(stage, lane, everyTimer, ACTING)));
  }
  return {
    figures: PLANS.flatMap((plan) => [
      {
        name: `slowest probe, ${plan} plan`,
        value: slowest(explained.filter((each) => each.plan === plan && each.statement.startsWith('probe'))),
        unit: 'ms' as const,
      },
    ]),
    failures: explained.flatMap(failuresOf),
    details: onePerStatement(explained).map(({ statement, plan, indexes, rows, buffers, ms }) => ({
      statement,
      plan,
      'index on conversation': indexes.filter((name) => name.startsWith('conversation')).join(', '),
      rows,
      buffers,
      ms,
    })),
  };
}

/** A lane of each standing; the last of them is put on hold. */
function lanesToWake(lanes: readonly Lane[]): (Lane & { onHold: boolean })[] {
  const standing = ({ facts }: Lane) => `${facts.status} ${facts.awaiting}`;
  const one = [...Map.groupBy(lanes, standing).values()].flatMap(([first]) => (first ? [first] : []));
  const held = lanes.find(
    ({ facts, id }) => facts.status === 'ACTIVE' && !one.some((each) => each.id === id),
  );
  return [...one.map((lane) => ({ ...lane, onHold: false })), ...(held ? [{ ...held, onHold: true }] : [])];
}

class RollBack extends Error {}

async function explainWake(
  { engine, admin, big }: Stage,
  lane: Lane & { onHold: boolean },
  rules: AccountRules,
  { aheadMs, isWanted }: Part,
): Promise<Explained[]> {
  const now = new Date(engine.clock.now().getTime() + aheadMs);
  const explained: Explained[] = [];
  const { accountId } = big;
  try {
    await admin.begin(async (sql) => {
      if (lane.onHold) await hold(sql, accountId, lane, new Date(engine.clock.now().getTime() + AHEAD_MS));
      const standing = `${lane.facts.status} ${lane.onHold ? 'on hold' : lane.facts.awaiting}`;
      await wakeLane(
        {
          ...engine.deps,
          db: { ...engine.db, sql: explaining(sql, standing, isWanted, explained) },
          clock: { ...engine.clock, now: () => now, isTrusted: () => true, tolerance: () => ANY_TIME },
          rules: { at: async () => rules, newest: async () => rules },
          lanes: openLaneDirectory(engine.deps.newId),
          scheduleWakes: async () => {},
          publish: () => {},
          nudgeSender: async () => {},
        },
        { accountId, laneId: lane.id, wakeAt: null },
      );
      throw new RollBack();
    });
  } catch (error) {
    if (!(error instanceof RollBack)) throw error;
  }
  return explained;
}

async function hold(sql: TransactionSql, accountId: string, lane: Lane, until: Date): Promise<void> {
  await sql`update lane set held = true where account_id = ${accountId} and id = ${lane.id}`;
  await sql`
    update conversation set held = true, held_until = ${until}::timestamptz - random() * interval '2 days'
    where account_id = ${accountId} and lane_id = ${lane.id}`;
}

/** A connection that explains what it is asked to do, where that is wanted, before it does it. */
function explaining(
  sql: TransactionSql,
  standing: string,
  isWanted: Part['isWanted'],
  explained: Explained[],
): Sql {
  const client = {
    async unsafe(text: string, parameters: unknown[], options: object) {
      for (const plan of isWanted(text) ? PLANS : [])
        explained.push(
          await explainStatement(sql, labelOf(text, parameters, standing), text, parameters, plan),
        );
      return await sql.unsafe(text, parameters as never[], options);
    },
    begin: (work: (inner: Sql) => Promise<unknown>) =>
      sql.savepoint((inner) => work(explaining(inner, standing, isWanted, explained))),
  };
  return client as unknown as Sql;
}

function labelOf(text: string, parameters: readonly unknown[], standing: string): string {
  if (text.includes('insert into event')) return `batch ${parameters[11]}, ${standing}`;
  if (text.includes('as head_0')) return `probe, ${standing}`;
  const known = [...LABELS].find(([part]) => text.includes(part));
  return known?.[1] ?? text.replace(/\s+/g, ' ').slice(0, 40);
}

const LABELS = new Map([
  ['from lane join account', 'read the lane'],
  ['select floor from lane', 'lock the lane'],
  ['set wake_at = $3', 'write the alarm'],
]);

/** A statement runs many times in a wake: the slowest stands for it. */
function onePerStatement(explained: readonly Explained[]): Explained[] {
  return [...Map.groupBy(explained, ({ statement, plan }) => `${statement} ${plan}`).values()].map((each) =>
    each.reduce((worst, next) => (next.ms > worst.ms ? next : worst)),
  );
}

function slowest(explained: readonly Explained[]): number {
  return Math.max(0, ...explained.map(({ ms }) => ms));
}

/** No growing table read from end to end; and whoever looks for clocks does so in a clock's index. */
function failuresOf({ statement, plan, scanned, indexes }: Explained): string[] {
  const failures = scanned
    .filter((table) => GROWING.has(table))
    .map((table) => `${statement}, ${plan} plan: Seq Scan on ${table}`);
  const looksForClocks = statement.startsWith('batch') || statement.startsWith('probe');
  if (looksForClocks && !indexes.some((name) => CLOCK_INDEXES.has(name)))
    failures.push(`${statement}, ${plan} plan: no clock's index, but ${indexes.join(', ')}`);
  return failures;
}

const CLOCK_INDEXES = new Set(
  Object.values(CLOCK_COLUMNS).map(
    ({ column }) => `conversation_${column.replace(/_(at|since|until)$/, '')}`,
  ),
);
