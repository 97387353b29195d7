import type { TransactionSql } from 'postgres';
import { type Call, once } from '../db/idempotency.ts';
import { countOf } from '../db/rows/counts.ts';
import { orTaken } from '../db/sqlstate.ts';
import { inTransaction } from '../db/transaction.ts';
import { checkCount } from '../domain/bounds.ts';
import { InvalidInputError, NotFoundError } from '../domain/errors.ts';
import type { EngineDeps } from '../engine.ts';

/** Agents and skills. No timer depends on them, so changing them is not a change of rules. */
type PeopleDeps = Pick<EngineDeps, 'db' | 'clock' | 'newId' | 'identifierHash'>;

export type AgentKind = 'HUMAN' | 'BOT';
/**
 * An agent to create. `capacity`: conversations at the same time, null for any number; `subject`: the `sub` of its
 * JWTs.
 */
export type NewAgent = {
  name: string;
  kind: AgentKind;
  online: boolean;
  capacity: number | null;
  subject: string | null;
};
/** Changes of an agent; undefined fields stay. */
export type AgentChanges = { [Field in keyof Omit<NewAgent, 'kind'>]?: NewAgent[Field] | undefined };

const MAX_CAPACITY = 10_000;

/** Creates a skill. @throws InvalidInputError over 1,000, TakenError, ConflictError */
export function createSkill(
  deps: PeopleDeps,
  accountId: string,
  name: string,
  call: Call,
): Promise<{ id: string }> {
  return writeOnce(deps, accountId, call, async (sql) => {
    checkCount('skills', await countOf(sql, accountId, 'skills', deps.clock.now()));
    const id = deps.newId();
    await sql`insert into skill ${sql({ account_id: accountId, id, name })}`;
    return { id };
  });
}

/** Renames a skill. @throws NotFoundError, TakenError, ConflictError */
export function renameSkill(
  deps: PeopleDeps,
  accountId: string,
  { skillId, name }: { skillId: string; name: string },
  call: Call,
): Promise<{ id: string }> {
  return writeOnce(deps, accountId, call, async (sql) => {
    const { count } =
      await sql`update skill set name = ${name} where account_id = ${accountId} and id = ${skillId}`;
    if (count === 0) throw new NotFoundError('skillId', 'skill');
    return { id: skillId };
  });
}

/** Creates an agent. @throws InvalidInputError, TakenError, ConflictError */
export function createAgent(
  deps: PeopleDeps,
  accountId: string,
  agent: NewAgent,
  call: Call,
): Promise<{ id: string }> {
  return writeOnce(deps, accountId, call, async (sql) => {
    checkCapacity(agent.capacity);
    checkCount('agents', await countOf(sql, accountId, 'agents', deps.clock.now()));
    const id = deps.newId();
    await sql`insert into agent ${sql({ account_id: accountId, id, ...agent })}`;
    return { id };
  });
}

/**
 * Changes an agent's presence, capacity, name or subject (SP-7).
 * @throws NotFoundError, InvalidInputError, TakenError, ConflictError
 */
export function updateAgent(
  deps: PeopleDeps,
  accountId: string,
  { agentId, ...changes }: AgentChanges & { agentId: string },
  call: Call,
): Promise<{ id: string }> {
  return writeOnce(deps, accountId, call, async (sql) => {
    const [row] = await sql`
      select name, online, capacity, subject from agent where account_id = ${accountId} and id = ${agentId} for no key update`;
    if (!row) throw new NotFoundError('agentId', 'agent');
    const given = Object.entries(changes).filter(([, value]) => value !== undefined);
    const agent = { ...row, ...Object.fromEntries(given) } as Omit<NewAgent, 'kind'>;
    checkCapacity(agent.capacity);
    await sql`update agent set ${sql(agent)} where account_id = ${accountId} and id = ${agentId}`;
    return { id: agentId };
  });
}

function checkCapacity(capacity: number | null): void {
  if (capacity !== null && (capacity < 0 || capacity > MAX_CAPACITY))
    throw new InvalidInputError('capacity', `0 to ${MAX_CAPACITY} is allowed, or null for no limit`);
}

function writeOnce(
  deps: PeopleDeps,
  accountId: string,
  call: Call,
  write: (sql: TransactionSql) => Promise<{ id: string }>,
): Promise<{ id: string }> {
  return orTaken(() =>
    once(
      deps,
      accountId,
      call,
      (keeping) =>
        inTransaction(deps.db.sql, (sql) => keeping(sql, () => write(sql))) as Promise<{ id: string }>,
    ),
  );
}
