import type { TransactionSql } from 'postgres';

/** How Postgres may plan a prepared statement: anew for its parameters, or once for all. */
export const PLANS = ['custom', 'generic'] as const;
export type Plan = (typeof PLANS)[number];

/** The plan of a statement: its indexes, the tables that it scans sequentially, and its cost. */
export type Explained = {
  statement: string;
  plan: Plan;
  indexes: string[];
  scanned: string[];
  rows: number;
  /** Pages touched, in memory or not. */
  buffers: number;
  ms: number;
};

type Node = {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  'Actual Rows'?: number;
  'Shared Hit Blocks'?: number;
  'Shared Read Blocks'?: number;
  Plans?: Node[];
};

let prepared = 0;

class RollBack extends Error {}

/** Explains a statement by running it, prepared as the engine prepares it, and takes back what it did. */
export async function explainStatement(
  sql: TransactionSql,
  statement: string,
  text: string,
  parameters: readonly unknown[],
  plan: Plan,
): Promise<Explained> {
  const name = `explained_${++prepared}`;
  const types = parameters.length === 0 ? '' : `(${parameters.map(typeOf).join(', ')})`;
  const values = parameters.length === 0 ? '' : `(${parameters.map(literal).join(', ')})`;
  let answer: { 'QUERY PLAN': [{ Plan: Node; 'Execution Time': number }] } | undefined;
  try {
    await sql.savepoint(async (inner) => {
      await inner.unsafe(`set local plan_cache_mode = force_${plan}_plan`);
      await inner.unsafe(`prepare ${name} ${types} as ${text}`);
      [answer] = await inner.unsafe(`explain (analyze, buffers, format json) execute ${name}${values}`);
      throw new RollBack();
    });
  } catch (error) {
    if (!(error instanceof RollBack)) throw error;
  }
  await sql.unsafe(`deallocate ${name}`);
  if (!answer) throw new Error(`${statement} was not explained`);
  const [{ Plan: top, 'Execution Time': ms }] = answer['QUERY PLAN'];
  const nodes = flatten(top);
  return {
    statement,
    plan,
    indexes: unique(nodes.map((node) => node['Index Name'])),
    scanned: unique(
      nodes.filter((node) => node['Node Type'] === 'Seq Scan').map((node) => node['Relation Name']),
    ),
    rows: top['Actual Rows'] ?? 0,
    buffers: (top['Shared Hit Blocks'] ?? 0) + (top['Shared Read Blocks'] ?? 0),
    ms,
  };
}

function flatten(node: Node): Node[] {
  return [node, ...(node.Plans ?? []).flatMap(flatten)];
}

function unique(names: readonly (string | undefined)[]): string[] {
  return [...new Set(names.filter((name) => name !== undefined))];
}

/** The parameter types that the engine's client declares; Postgres infers all others. */
function typeOf(value: unknown): string {
  return value instanceof Date ? 'timestamptz' : 'unknown';
}

/** A parameter as EXECUTE takes it. */
function literal(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'number') return String(value);
  if (value instanceof Date) return quoted(value.toISOString());
  if (Array.isArray(value)) return quoted(`{${value.map(element).join(',')}}`);
  return quoted(String(value));
}

function element(value: unknown): string {
  return value === null ? 'null' : JSON.stringify(String(value));
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
