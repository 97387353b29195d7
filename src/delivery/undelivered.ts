import type { Sql } from 'postgres';
import { type EffectKind, readPayload, type StoredPayload } from '../db/rows/outbox-payload.ts';
import type { OutboxRow } from '../domain/closing/owed-effects.ts';
import { ConflictError, NotFoundError } from '../domain/errors.ts';
import type { Causing, EngineDeps } from '../engine.ts';

/** An effect as an admin sees it. */
export type EffectRow = Pick<OutboxRow, 'id' | 'conversationId' | 'channelId' | 'payload'> & {
  kind: EffectKind;
  state: 'PENDING' | 'SENT' | 'DEAD' | 'DROPPED' | 'UNCONFIRMED';
  attempts: number;
  createdAt: Date;
  doneAt: Date | null;
  error: string | null;
};

const READ = `select id, kind, conversation_id as "conversationId", channel_id as "channelId", endpoint_id as "endpointId",
  payload, state, attempts, created_at as "createdAt", done_at as "doneAt", error
  from outbox where account_id = $1 and `;

async function readRows(sql: Sql, where: string, given: (string | number | string[] | null)[]) {
  type Row = Omit<EffectRow, 'payload'> & StoredPayload;
  const rows = await sql.unsafe<Row[]>(`${READ}${where}`, given as never[], { prepare: true });
  return rows.map((row): EffectRow => ({ ...row, payload: readPayload(row) }));
}

/** A page of effects that are DEAD or UNCONFIRMED, the oldest first. `after`: the id before the page. */
export async function readUndelivered(
  sql: Sql,
  accountId: string,
  channelId: string | null,
  { after, limit }: { after: string | null; limit: number },
): Promise<EffectRow[]> {
  return await readRows(
    sql,
    `state in ('DEAD', 'UNCONFIRMED')
       and ($2::uuid is null or channel_id = $2) and ($3::uuid is null or id > $3) order by id limit $4`,
    [accountId, channelId, after, limit],
  );
}

/** Effects by id, in no particular order. */
export async function readEffects(sql: Sql, accountId: string, ids: readonly string[]): Promise<EffectRow[]> {
  return await readRows(sql, 'id = any($2::uuid[])', [accountId, [...ids]]);
}

type SettleDeps = Pick<EngineDeps, 'db' | 'clock'>;

/**
 * Makes an effect that is DEAD or UNCONFIRMED pending again, from its first attempt. An UNCONFIRMED one may be shown twice.
 * @throws NotFoundError; ConflictError if the effect is in another state
 */
export async function retryEffect(
  deps: SettleDeps,
  accountId: string,
  effectId: string,
): Promise<Causing<void>> {
  await settle(deps, accountId, effectId, 'PENDING');
  return { result: undefined, caused: { owes: true } };
}

/**
 * Drops an effect that is DEAD or UNCONFIRMED for good.
 * @throws NotFoundError; ConflictError if the effect is in another state
 */
export async function dropEffect(
  deps: SettleDeps,
  accountId: string,
  effectId: string,
): Promise<Causing<void>> {
  await settle(deps, accountId, effectId, 'DROPPED');
  return { result: undefined, caused: {} };
}

async function settle(
  { db, clock }: SettleDeps,
  accountId: string,
  effectId: string,
  state: 'PENDING' | 'DROPPED',
): Promise<void> {
  const now = clock.now();
  const { count } = await db.sql`
    update outbox set state = ${state}, attempts = 0, begun_at = null, due_at = ${now},
      done_at = ${state === 'PENDING' ? null : now}
    where account_id = ${accountId} and id = ${effectId} and state in ('DEAD', 'UNCONFIRMED')`;
  if (count === 1) return;
  const [effect] = await readEffects(db.sql, accountId, [effectId]);
  if (!effect) throw new NotFoundError('effectId', 'effect');
  throw new ConflictError('effectId', effect.state, `effectId: it is ${effect.state}, not given up`);
}
