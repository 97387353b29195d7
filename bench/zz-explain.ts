import { openStage } from './stage.ts';
import { openFloor } from './baselines/floor-ingest.ts';
import { messageSource } from './messages.ts';
import { apply } from '../src/lifecycle/apply.ts';
const stage = await openStage(Number(process.argv[2] ?? 100000), undefined);
const next = await messageSource(stage);
const activityOf = ({ channelId, address, messageId, kind, agentId }: any) => ({ target: { channelId, address }, action: kind === 'INBOUND' ? { kind } : { kind, sender: 'AGENT', ...(agentId === null ? {} : { agentId }) }, messageId });
const n = Number(process.argv[3] ?? 500);
const seen: [string, unknown[]][] = [];
for (let i = 0; i < 5; i++) await apply(stage.engine.deps, stage.big.accountId, next(n).map(activityOf) as any);
const o = stage.engine.db.sql.options as any;
const later = next(n);
for (const [what, which] of [['read', /a_rules_version/], ['write', /was_revision/]] as const) {
  let q: any;
  o.debug = (_c: unknown, query: string, params: unknown[]) => { if (which.test(query)) q = [query, params]; };
  const msgs = what === 'read' ? next(n) : next(n);
  if (what === 'write') {
    // make the real write fail softly: explain it in a transaction before.
    const real = stage.engine.db.sql;
    await apply(stage.engine.deps, stage.big.accountId, msgs.map(activityOf) as any);
    // revert by building params for the following call: bump revisions
  } else await apply(stage.engine.deps, stage.big.accountId, msgs.map(activityOf) as any);
  o.debug = false;
  let [query, params] = q;
  if (what === 'write') {
    // play it again: rows as they were
    query = query.replace(/revision = rows\.was_revision and conversation\.lane_id = rows\.was_lane_id/, 'revision = rows.revision').replace('revision = rows.revision,', 'revision = rows.revision + 1,');
    query = query.replace(/revision = rows\.revision(\s+from)/, 'revision = rows.revision + 1$1');
    query = query.replace('select $1::uuid, rows.* from', "select $1::uuid, rows.conversation_id, rows.revision + 1000, rows.kind, rows.at, rows.recorded_at, rows.actor, rows.agent_id, rows.channel_id, rows.message_id || 'x' || random(), rows.timer, rows.effect, rows.status, rows.awaiting, rows.data from");
  }
  for (const mode of ['force_generic_plan', 'force_generic_plan']) {
    await stage.admin.begin(async (sql) => {
      await sql.unsafe(`set local plan_cache_mode = ${mode}`);
      const rows = await sql.unsafe(`explain (analyze, buffers, wal, timing on, costs off) ${query}`, params, { prepare: true });
      if (mode === 'force_generic_plan') console.log(rows.map((r) => r['QUERY PLAN']).join('\n'));
      await sql.unsafe('rollback');
    }).catch((e) => console.log(String(e).slice(0, 300)));
  }
}
await stage.close();
