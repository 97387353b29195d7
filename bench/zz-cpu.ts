import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { apply } from '../src/lifecycle/apply.ts';
import { openFloor } from './baselines/floor-ingest.ts';
import { keepBusy } from './measure.ts';
import { messageSource } from './messages.ts';
import { openStage } from './stage.ts';

const rows = Number(process.argv[2] ?? 50000);
const which = process.argv[3] ?? 'all';
function pgTicks() {
  const own = readdirSync('/proc')
    .filter((n) => /^\d+$/.test(n))
    .map((pid) => {
      try {
        const s = readFileSync(`/proc/${pid}/stat`, 'utf8');
        const f = s.slice(s.lastIndexOf(')') + 2).split(' ');
        return {
          pid: +pid,
          ppid: +f[1],
          t: +f[11] + +f[12],
          name: s.slice(s.indexOf('(') + 1, s.lastIndexOf(')')),
        };
      } catch {
        return null;
      }
    })
    .filter((x) => x !== null);
  const mine = new Set([process.pid]);
  for (let grew = true; grew; ) {
    grew = false;
    for (const p of own)
      if (!mine.has(p.pid) && mine.has(p.ppid)) {
        mine.add(p.pid);
        grew = true;
      }
  }
  return own.filter((p) => mine.has(p.pid) && p.pid !== process.pid).reduce((s, p) => s + p.t, 0);
}
const stage = await openStage(rows, undefined);
const next = await messageSource(stage);
const activityOf = ({ channelId, address, messageId, kind, agentId }: any) => ({
  target: { channelId, address },
  action: kind === 'INBOUND' ? { kind } : { kind, sender: 'AGENT', ...(agentId === null ? {} : { agentId }) },
  messageId,
});
const floor = openFloor(stage, 16);
const byEngine = (n: number) => async () => {
  const r = await apply(stage.engine.deps, stage.big.accountId, next(n).map(activityOf));
  for (const x of r) if (x.outcome !== 'APPLIED') throw new Error(x.outcome + x.error);
  return n;
};
const byFloor = (n: number) => () => floor.write(next(n));
async function measure(name: string, conc: number, ms: number, step: () => Promise<number>) {
  const c0 = process.cpuUsage(),
    p0 = pgTicks(),
    t0 = performance.now();
  const n = await keepBusy(conc, ms, step);
  const t = performance.now() - t0,
    c = process.cpuUsage(c0),
    p = (pgTicks() - p0) * 10;
  const us = (x: number) => (x / n).toFixed(1).padStart(7);
  console.log(
    name.padEnd(16),
    'n',
    String(n).padStart(7),
    'rate',
    ((n * 1000) / t).toFixed(0).padStart(6),
    'node us',
    us(c.user + c.system),
    'pg us',
    us(p * 1000),
    'sum',
    us(c.user + c.system + p * 1000),
  );
  return (c.user + c.system + p * 1000) / n;
}
const prof = process.argv[4];
for (let turn = 0; turn < Number(process.env.TURNS ?? 3); turn++) {
  if (which !== 'batch') {
    const f = await measure('floor 1', 16, 2500, byFloor(1));
    const e = await measure('engine 1', 16, 2500, byEngine(1));
    console.log('cpu ratio', (f / e).toFixed(2));
  }
  if (which !== 'one') {
    const f = await measure('floor 500', 2, 2000, byFloor(500));
    const e = await measure('engine 500', 2, 2000, byEngine(500));
    console.log('cpu ratio', (f / e).toFixed(2));
  }
}
if (prof) {
  const { Session } = await import('node:inspector/promises');
  const s = new Session();
  s.connect();
  await s.post('Profiler.enable');
  await s.post('Profiler.setSamplingInterval', { interval: 200 });
  await s.post('Profiler.start');
  await keepBusy(which === 'batch' ? 2 : 16, 4000, byEngine(which === 'batch' ? 500 : 1));
  const { profile } = await s.post('Profiler.stop');
  writeFileSync(prof, JSON.stringify(profile));
  const self = new Map<string, number>();
  const dt = profile.timeDeltas!;
  const byId = new Map(profile.nodes.map((x) => [x.id, x]));
  profile.samples!.forEach((id, i) => {
    const nd = byId.get(id)!;
    const k = `${nd.callFrame.functionName || '(anon)'} ${nd.callFrame.url.split('/').slice(-2).join('/')}:${nd.callFrame.lineNumber}`;
    self.set(k, (self.get(k) ?? 0) + dt[i]!);
  });
  for (const k of [...self.keys()]) if (/idle|inspector/.test(k)) self.delete(k);
  const tot = [...self.values()].reduce((a, b) => a + b, 0);
  for (const [k, v] of [...self].sort((a, b) => b[1] - a[1]).slice(0, 45))
    console.log(((100 * v) / tot).toFixed(1).padStart(5), k);
}
const held = await Promise.all(Array.from({ length: 10 }, () => stage.engine.db.sql.reserve()));
const agg = new Map<string, [number, number]>();
for (const c of held) { for (const r of await c.unsafe('select statement, generic_plans, custom_plans from pg_prepared_statements')) { const k = r.statement.replace(/\s+/g, ' ').slice(0, 110); const a = agg.get(k) ?? [0, 0]; a[0] += Number(r.generic_plans); a[1] += Number(r.custom_plans); agg.set(k, a); } }
for (const c of held) c.release();
console.log([...agg].sort((a, b) => b[1][1] + b[1][0] - a[1][0] - a[1][1]).slice(0, 8));
await floor.close();
await stage.close();
