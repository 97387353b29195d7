import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';

/** A source file; `path` from the project's root, with `/`. */
export type SourceFile = { path: string; text: string };
export type Violation = {
  rule: 'layer' | 'type-only' | 'package' | 'unknown' | 'env' | 'time' | 'sql' | 'sql-time' | 'length';
  path: string;
  what: string;
};

type Layer = {
  /** Layers it may import besides its own. */
  from: string[];
  /** Layers and packages of which it may import types only. */
  typesFrom: string[];
  /** Packages it may import; one that ends with `*` stands for all that begin so. */
  packages: string[];
};

const AMBIENT = ['clock', 'config', 'log'];
const GRAPHQL = [
  'graphql',
  'graphql-*',
  '@pothos/*',
  '@graphql-yoga/*',
  '@escape.tech/*',
  '@envelop/*',
  'dataloader',
];
const FLOWS = ['ingest', 'wake', 'rules', 'delivery', 'accounts', 'insight'];
const ALL_BUT_APP = [
  'after-commit',
  ...[...FLOWS, 'adapters', 'commands', 'config', 'clock', 'db', 'domain', 'engine', 'http'],
  ...['jobs', 'log', 'outgoing', 'schema', 'start'],
];
/** A flow uses the rules, the database and the ports that it is handed; never another flow. */
const flow = (more: Partial<Layer> = {}): Layer => ({
  from: ['domain', 'db', 'engine', 'within', ...(more.from ?? [])],
  typesFrom: [...AMBIENT, 'adapters', 'postgres', ...(more.typesFrom ?? [])],
  packages: ['temporal-polyfill', 'node:*', ...(more.packages ?? [])],
});

/** Who may import what (docs/architecture.md). A layer is a folder of src or a file right in it. */
const LAYERS: Record<string, Layer> = {
  domain: { from: [], typesFrom: [], packages: ['temporal-polyfill'] },
  adapters: { from: ['domain'], typesFrom: [], packages: ['zod', 'node:crypto'] },
  db: {
    from: ['domain'],
    typesFrom: [...AMBIENT, 'engine'],
    packages: [
      'drizzle-orm',
      'drizzle-orm/*',
      'postgres',
      'pg-connection-string',
      'temporal-polyfill',
      'node:*',
    ],
  },
  outgoing: { from: ['domain'], typesFrom: [], packages: ['node:*'] },
  engine: { from: ['domain'], typesFrom: [...AMBIENT, 'db', 'postgres', ...FLOWS], packages: [] },
  'after-commit': { from: [], typesFrom: ['db', 'engine', 'log'], packages: [] },
  ingest: flow(),
  wake: flow(),
  rules: flow({ from: ['outgoing'] }),
  delivery: flow({
    from: ['adapters', 'outgoing'],
    packages: ['zod', 'rate-limiter-flexible', 'standardwebhooks'],
  }),
  accounts: flow(),
  insight: flow({ packages: ['csv-parse/*'] }),
  jobs: {
    from: ['after-commit', 'domain', 'wake', 'rules', 'delivery', 'db', 'within'],
    typesFrom: [...AMBIENT, 'engine'],
    packages: ['bullmq', 'bullmq-otel', 'ioredis', 'temporal-polyfill', 'zod', 'node:*'],
  },
  schema: {
    from: ['domain', ...FLOWS, 'db', 'engine'],
    typesFrom: [...AMBIENT, 'adapters'],
    packages: [...GRAPHQL, 'drizzle-orm', 'jose', 'temporal-polyfill', 'zod', 'node:*'],
  },
  http: {
    from: ['domain', 'schema', ...FLOWS, 'adapters', 'db'],
    typesFrom: [...AMBIENT, 'outgoing', 'engine'],
    packages: [...GRAPHQL, 'prom-client', 'zod', 'node:*', 'rate-limiter-flexible'],
  },
  commands: { from: [...ALL_BUT_APP, 'app'], typesFrom: [], packages: ['*'] },
  start: { from: ALL_BUT_APP, typesFrom: ['app'], packages: ['node:*', 'uuid'] },
  app: { from: ALL_BUT_APP, typesFrom: [], packages: ['*'] },
  main: { from: [...ALL_BUT_APP, 'app'], typesFrom: [], packages: ['*'] },
  cli: { from: [...ALL_BUT_APP, 'app'], typesFrom: [], packages: ['*'] },
  config: { from: ['domain'], typesFrom: ['temporal-polyfill'], packages: ['zod', 'node:net', 'node:path'] },
  clock: { from: [], typesFrom: ['log'], packages: ['node:os'] },
  log: { from: ['domain', 'log-redaction'], typesFrom: ['config'], packages: ['pino'] },
  within: { from: [], typesFrom: [], packages: ['node:*'] },
  'log-redaction': { from: [], typesFrom: [], packages: [] },
};

/** Code that only one file may hold. */
const RESERVED: { rule: Violation['rule']; code: RegExp; only: string[] }[] = [
  { rule: 'env', code: /\bprocess\b[^\n;]*\benv\b|\benv\b[^\n;]*\bprocess\b/, only: ['src/config.ts'] },
  {
    rule: 'time',
    code: /\bDate\.now\b|\bnew Date(?!\w|\s*\(\s*[^\s)])|(?<!new )\bDate\(\)|\bperformance\.now\b|\bhrtime\b|\bTemporal\.Now\b/,
    only: ['src/clock.ts'],
  },
  { rule: 'sql-time', code: /\bdefaultNow\b/, only: [] },
];
/** The same asked of the database: the clock reads it, and a statement may bear the instants between which it holds (ADR 13, 21). */
const SQL_TIME = /\bnow\(\)|\bcurrent_(timestamp|date|time)\b|\b(clock|statement|transaction)_timestamp\(\)/i;
const SQL_TIME_ONLY = [
  ...[
    'src/db/client.ts',
    'src/db/pool/connection.ts',
    'src/ingest/ingest-lookup.ts',
    'src/ingest/write-optimistic-statement.ts',
  ],
  ...['src/wake/fire-timer.ts', 'src/db/clock-opinions.ts'],
];
const LONGEST_LINES = 300;

/** Every TypeScript file below the given folders of the project. */
export function sourceFiles(root: string, folders: string[]): SourceFile[] {
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(m?[jt]s|tsx)$/.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => ({ path: relative(root, path), text: readFileSync(path, 'utf8') })),
  );
}

/** All breaches of the house rules in files of `src`. */
export function sourceViolations(files: SourceFile[]): Violation[] {
  return files.flatMap((file) => [
    ...importViolations(file),
    ...reservedViolations(file),
    ...statementViolations(file),
    ...sqlTimeViolations(file),
  ]);
}

/** Files that are too long for one idea. */
export function lengthViolations(files: SourceFile[]): Violation[] {
  return files
    .map(({ path, text }) => ({ path, lines: text.trimEnd().split('\n').length }))
    .filter(({ lines }) => lines > LONGEST_LINES)
    .map(({ path, lines }) => ({ rule: 'length', path, what: `${lines} lines` }));
}

function importViolations({ path, text }: SourceFile): Violation[] {
  const from = layerOf(path);
  const layer = LAYERS[from];
  if (layer === undefined) return [{ rule: 'unknown', path, what: `no such layer: ${from}` }];
  return importsOf(text).flatMap(({ specifier, typesOnly }) => {
    const rule = specifier.startsWith('.')
      ? layerRule(layer, from, join(dirname(path), specifier), typesOnly)
      : packageRule(layer, specifier, typesOnly);
    return rule === null ? [] : [{ rule, path, what: specifier }];
  });
}

function layerRule(layer: Layer, from: string, target: string, typesOnly: boolean): Violation['rule'] | null {
  if (!normalize(target).startsWith('src/')) return from === 'cli' || from === 'commands' ? null : 'layer';
  const to = layerOf(target);
  if (to === from || layer.from.includes(to)) return null;
  if (!layer.typesFrom.includes(to)) return 'layer';
  return typesOnly ? null : 'type-only';
}

function packageRule(layer: Layer, specifier: string, typesOnly: boolean): Violation['rule'] | null {
  const allowed = layer.packages.some((name) =>
    name.endsWith('*') ? specifier.startsWith(name.slice(0, -1)) : specifier === name,
  );
  if (allowed) return null;
  if (!layer.typesFrom.includes(specifier)) return 'package';
  return typesOnly ? null : 'type-only';
}

function reservedViolations({ path, text }: SourceFile): Violation[] {
  const code = withoutComments(text);
  return RESERVED.filter(({ only }) => !only.includes(path)).flatMap(({ rule, code: pattern }) => {
    const found = pattern.exec(code);
    return found === null ? [] : [{ rule, path, what: found[0] }];
  });
}

/** Only flows and the database issue statements; the queue's store in Postgres has tables of its own. */
const ISSUES_SQL = [...FLOWS, 'db'];
const QUEUE_STORE = 'src/jobs/store/';
/** A template that is sent, whose client may be typed, or a statement as text. */
const STATEMENT_SENT =
  /\b(?:sql|tx|own|client|database|connection)\s*(?:<[^`;]*>\s*)?`|\.\s*unsafe\s*(?:<[^`;]*>\s*)?\(/;

function statementViolations({ path, text }: SourceFile): Violation[] {
  if (ISSUES_SQL.includes(layerOf(path)) || path.startsWith(QUEUE_STORE)) return [];
  const found = STATEMENT_SENT.exec(withoutComments(text));
  return found === null ? [] : [{ rule: 'sql', path, what: found[0] }];
}

/** SQL stands in template strings. */
function sqlTimeViolations({ path, text }: SourceFile): Violation[] {
  if (SQL_TIME_ONLY.includes(path)) return [];
  return [...withoutComments(text).matchAll(/`(?:\\.|[^`\\])*`/g)].flatMap(([template]) => {
    const found = SQL_TIME.exec(template.replaceAll(/\$\{[^}]*\}/g, ' '));
    return found === null ? [] : [{ rule: 'sql-time', path, what: found[0] }];
  });
}

/** `src/db/tables/x.ts` → `db`, `src/clock.ts` → `clock`. */
function layerOf(path: string): string {
  return (path.split('/')[1] ?? '').replace(/\.ts$/, '');
}

const STATEMENT = /\b(?:import|export)\s+(type\s)?([\w\s{},*$]*?)\s*from\s*['"]([^'"]+)['"]/g;
const BARE = /\bimport\s*\(?\s*['"]([^'"]+)['"]/g;

function importsOf(text: string): { specifier: string; typesOnly: boolean }[] {
  const code = withoutComments(text);
  const statements = [...code.matchAll(STATEMENT)].map(([, type, names = '', specifier = '']) => ({
    specifier,
    typesOnly: type !== undefined || onlyTypes(names),
  }));
  const bare = [...code.matchAll(BARE)].map(([, specifier = '']) => ({ specifier, typesOnly: false }));
  return [...statements, ...bare];
}

/** `{ type A, type B }` */
function onlyTypes(names: string): boolean {
  const listed = /^\{([^}]*)\}$/.exec(names.trim())?.[1]?.split(',') ?? [''];
  return listed.every((name, at) => /^\s*type\s/.test(name) || (at > 0 && name.trim() === ''));
}

function withoutComments(text: string): string {
  const part = /('(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`)|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;
  return text.replace(part, (_all, string: string | undefined) => string ?? ' ');
}
