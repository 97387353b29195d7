import fc from 'fast-check';
import { createAccount, ensureSkills } from '../../src/accounts/setup.ts';
import { insertConversations, type StoredConversation } from '../../src/db/rows/conversations.ts';
import { insertLanes } from '../../src/db/rows/lanes.ts';
import { inTransaction } from '../../src/db/transaction.ts';
import { factsOf, type OpenStatus } from '../../src/domain/conversation/conversation.ts';
import type { OpenHours } from '../../src/domain/time/calendar.ts';
import type { ServiceDeps } from '../../src/engine.ts';
import { fakeClock } from './clock.ts';
import { at, DAY, depsWith, type Engine, HOUR, step } from './engine.ts';
import { changeRules, ensureChannel, scheduleAccountWakes, setPolicy } from './flows.ts';

/** A conversation by what it is sorted by; ages are in hours, so that many are level. */
type Standing = {
  status: OpenStatus;
  awaitsAgent: boolean;
  hasSkill: boolean;
  held: null | { forHours: number | null };
  tagged: boolean;
  activeAgo: number;
  waitingAgo: number;
  statusAgo: number;
};
export type World = {
  hours: OpenHours | null;
  outage: null | { kind: 'OUTAGE' | 'PAUSE'; fromAgo: number; forHours: number | null };
  /** Set in this order, some hours before now: what is switched on counts from then on (SP-6). */
  policies: { setAgo: number; fields: Record<string, unknown> }[];
  standings: Standing[];
};

const hoursAgo = (max: number) => fc.integer({ min: 0, max });
const policy = fc
  .record({
    autoClose: fc.boolean(),
    autoCloseAfter: fc.integer({ min: 1, max: 100 }),
    autoCloseAwaiting: fc.constantFrom('CONSUMER', 'ANYBODY'),
    inactivate: fc.boolean(),
    endUnanswered: fc.boolean(),
    endUnansweredAfter: fc.integer({ min: 1, max: 100 }),
    endInactive: fc.boolean(),
    endInactiveAfter: fc.integer({ min: 1, max: 100 }),
    queueTimeout: fc.boolean(),
    queueTimeoutAfter: fc.integer({ min: 1, max: 100 }),
  })
  .map((fields) =>
    Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [
        name,
        typeof value === 'number' ? `PT${value}H` : value,
      ]),
    ),
  );

/** Accounts with policies, hours, outages and conversations in many lanes. */
export const anyWorld: fc.Arbitrary<World> = fc.record({
  hours: fc.option(
    fc.constant({
      timeZone: 'Europe/Berlin',
      weekly: [1, 2, 3, 4, 5].map((day) => ({ day, from: '09:00', until: '17:00' })),
      holidays: [],
    }),
  ),
  outage: fc.option(
    fc.record({
      kind: fc.constantFrom('OUTAGE', 'PAUSE'),
      fromAgo: hoursAgo(100),
      forHours: fc.option(fc.integer({ min: 1, max: 50 }), { freq: 2 }),
    }),
    { freq: 2 },
  ),
  policies: fc.array(fc.record({ setAgo: hoursAgo(60), fields: policy }), { maxLength: 3 }),
  standings: fc.array(
    fc.record({
      status: fc.constantFrom('NEW', 'WAITING', 'ACTIVE', 'ACTIVE', 'INACTIVE'),
      ...{ awaitsAgent: fc.boolean(), hasSkill: fc.boolean(), tagged: fc.boolean() },
      held: fc.option(fc.record({ forHours: fc.option(fc.integer({ min: 1, max: 50 })) }), { freq: 8 }),
      ...{ activeAgo: hoursAgo(120), waitingAgo: hoursAgo(120), statusAgo: hoursAgo(120) },
    }),
    { maxLength: 60, size: 'max' },
  ),
});

/** Makes an account of it; answers its rules and its conversations as they stand. */
export async function build(engine: Engine, world: World) {
  const now = at('12:00');
  const before = (hours: number) => new Date(now.getTime() - hours * HOUR);
  const clock = fakeClock(before(200));
  const deps: ServiceDeps = depsWith(
    engine,
    { clock },
    { scheduleAccount: (id) => step(() => scheduleAccountWakes(deps, id)) },
  );
  const author = { changedBy: 'test', why: null };
  const accountId = await createAccount(deps, { name: 'lists' });
  const channelId = await ensureChannel(deps, accountId, { name: 'web', adapter: 'web', settings: {} });
  const skillId = (await ensureSkills(deps, accountId, ['sales'])).get('sales') as string;
  await changeRules(deps, { accountId, author }, async (tx) => {
    if (world.hours) {
      const id = deps.newId();
      await tx`insert into calendar ${tx({ account_id: accountId, id, name: 'hours', hours: tx.json(world.hours as never) })}`;
      await tx`update channel set calendar_id = ${id} where account_id = ${accountId}`;
    }
    if (world.outage) {
      const since = before(world.outage.fromAgo);
      const { kind, forHours } = world.outage;
      const until = forHours === null ? null : new Date(since.getTime() + forHours * HOUR);
      await tx`insert into outage ${tx({ account_id: accountId, id: deps.newId(), kind, channel_id: null, since, until })}`;
    }
    return { kind: 'CALENDAR', channelId, skillId: null, before: null, after: null };
  });
  for (const { setAgo, fields } of [...world.policies].sort((a, b) => b.setAgo - a.setAgo)) {
    clock.advance(before(setAgo).getTime() - clock.now().getTime());
    const place = { channelId: null, skillId: null, expectedVersion: null };
    await setPolicy(deps, accountId, { ...place, fields }, author);
  }
  const rules = await deps.rules.newest(accountId);

  const lanes = new Map<string, string>();
  const conversations = world.standings.map((standing): StoredConversation => {
    const awaiting =
      standing.awaitsAgent && ['WAITING', 'ACTIVE'].includes(standing.status) ? 'AGENT' : 'CONSUMER';
    const conversation: StoredConversation = {
      ...{ accountId, id: deps.newId(), contactId: deps.newId(), channelId, laneId: null, agentId: null },
      ...{ skillId: standing.hasSkill ? skillId : null, status: standing.status, awaiting, caseStatus: null },
      held: standing.held !== null,
      heldUntil: standing.held?.forHours ? new Date(now.getTime() + standing.held.forHours * HOUR) : null,
      ...{ manualResponseAt: null, tags: standing.tagged ? ['tagged'] : [], stage: 0, overflowed: false },
      ...{ startedBy: 'CUSTOMER', startedAt: before(200), lastActivityAt: before(standing.activeAgo) },
      awaitingSince: awaiting === 'CONSUMER' ? before(standing.waitingAgo) : null,
      ...{ statusSince: before(standing.statusAgo), newestAt: now, placedAt: now, ending: null },
      ...{ previousId: null, revision: 1 },
    };
    const facts = factsOf(conversation, rules.exemptTags);
    const key = JSON.stringify(facts);
    const laneId = lanes.get(key) ?? deps.newId();
    lanes.set(key, laneId);
    return { ...conversation, laneId };
  });
  await inTransaction(engine.db.sql, async (sql) => {
    const made = [...lanes].map(([facts, id]) => ({ id, facts: JSON.parse(facts) }));
    await insertLanes(sql, accountId, made, now);
    for (const { contactId } of conversations)
      await sql`insert into contact ${sql({ account_id: accountId, id: contactId, channel_id: channelId, address: contactId })}`;
    await insertConversations(sql, accountId, conversations);
  });
  return { rules, conversations, now, later: new Date(now.getTime() + 2 * DAY) };
}
