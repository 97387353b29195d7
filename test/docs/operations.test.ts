import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config.ts';
import type { DatabaseGauges } from '../../src/db/gauges.ts';
import { createMetrics } from '../../src/http/metrics.ts';
import { createLog } from '../../src/log.ts';
import { fakeClock } from '../support/clock.ts';
import { sourceFiles } from '../support/import-rules.ts';
import { root } from '../support/run.ts';

const read = (path: string) => readFileSync(join(root, path), 'utf8');
const page = read('docs/operations.md');
const section = (title: string) =>
  new RegExp(`^## ${title}\\n([\\s\\S]*?)(?=^## |$(?![\\s\\S]))`, 'm').exec(page)?.[1] ?? '';
const alerts = read('examples/alerts.yml');

/** Names of metrics, without the suffixes that a histogram adds. */
const metricsIn = (text: string) => [
  ...new Set(
    [...text.matchAll(/\blull_[a-z_]+/g)]
      .map(([name]) => name.replace(/_(bucket|sum|count)$/, ''))
      .filter((name) => name !== 'lull_queue'),
  ),
];

async function metricsThere(): Promise<string[]> {
  const metrics = createMetrics({
    clock: { ...fakeClock(new Date(0)), offsetMs: () => 0 },
    readDatabase: () => Promise.reject<DatabaseGauges>(new Error('away')),
    readQueue: async () => [],
    countConnections: () => ({
      ...{ open: 0, idle: 0, waiting: 0 },
      faults: { transaction_warning: 0, impossible_result: 0, not_clean: 0, nested: 0 },
    }),
    log: createLog({ logLevel: 'silent' }),
  });
  const { text } = await metrics.scrape();
  return [...text.matchAll(/^# TYPE (lull_\w+)/gm)].map(([, name]) => name as string);
}

describe('docs/operations.md', () => {
  it('lists exactly the metrics that exist', async () => {
    expect(metricsIn(section('Metrics')).sort()).toEqual((await metricsThere()).sort());
  });

  it('lists exactly the log lines above debug', () => {
    const calls = /\blog\??\.(info|warn|error|fatal)\(\s*(?:\{[^}]*\},\s*|\w+,\s*)?(['`])(.+?)\2/g;
    // `infallible` logs its message as a warning.
    const infallible = /\binfallible\(\s*\w+,\s*'(.+?)'|\bconst message = '(the queue .+?)'/g;
    const logged = sourceFiles(root, ['src']).flatMap(({ text }) => [
      ...[...text.matchAll(calls)].map(
        ([, level, , line]) => `${level} ${line?.replace(/\$\{[^}]*\}/g, '…')}`,
      ),
      ...[...text.matchAll(infallible)].map(([, line, named]) => `warn ${line ?? named}`),
    ]);
    const running = (line: string) => line.replace(/^(info Lull is running …).*/, '$1');
    const levels: Record<string, string> = { 30: 'info', 40: 'warn', 50: 'error', 60: 'fatal' };
    const told = section('The log')
      .split('\n')
      .flatMap((row) => {
        const [, lines = '', level = ''] = /^\| (`.*?`) \| (\d+) \|/.exec(row) ?? [];
        return [...lines.matchAll(/`([^`]+)`/g)].map(([, line]) => `${levels[level]} ${line}`);
      });
    expect(logged.length).toBeGreaterThan(30);
    expect([...new Set(told)].sort()).toEqual([...new Set(logged.map(running))].sort());
  });

  it('names only variables that exist', () => {
    const named = new Set(
      [...page.matchAll(/\b(LULL_[A-Z_]+|LOG_LEVEL|DATABASE_URL|REDIS_URL|HOST)\b/g)].map(([name]) => name),
    );
    const known = read('src/config.ts');
    expect(named.size).toBeGreaterThan(6);
    expect([...named].filter((name) => !known.includes(`  ${name}: `))).toEqual([]);
    expect(readConfig({ LULL_METRICS_PORT: '9464' }).metricsPort).toBe(9464);
  });

  it('names only fields of the API that exist', () => {
    const schema = read('schema.graphql');
    const named = [...page.matchAll(/`([a-z]+[A-Z]?[A-Za-z]*)`/g)].map(([, name]) => name as string);
    const fields = ['dropEffect', 'recordOutage', 'report', 'retryEffect', 'undelivered'];
    expect(fields.filter((name) => !named.includes(name))).toEqual([]);
    const ofKubernetes = 'terminationGracePeriodSeconds';
    const camel = named.filter((name) => /[A-Z]/.test(name) && name !== ofKubernetes);
    expect([...new Set([...fields, ...camel])].filter((name) => !schema.includes(`\n  ${name}(`))).toEqual(
      [],
    );
  });

  it('describes what to do about every alert', () => {
    const there = [...alerts.matchAll(/alert: (\w+)/g)].map(([, name]) => name as string);
    const told = [...section('Alerts').matchAll(/`(Lull\w+)`/g)].map(([, name]) => name as string);
    expect(told.sort()).toEqual(there.sort());
  });
});

describe('examples/alerts.yml', () => {
  it('uses only metrics and labels that exist', async () => {
    const there = await metricsThere();
    const expressions = [...alerts.matchAll(/expr: (.*)/g)].map(([, expression]) => expression as string);
    expect(expressions.length).toBe(13);
    expect(expressions.filter((expression) => metricsIn(expression).length === 0)).toEqual([]);
    expect(metricsIn(expressions.join('\n')).filter((name) => !there.includes(name))).toEqual([]);
    expect(alerts).toContain('outcome="failed"');
  });
});
