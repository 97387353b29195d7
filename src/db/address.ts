import { userInfo } from 'node:os';
import { parse } from 'pg-connection-string';
import type { Options } from 'postgres';

/** Where a database is. A host that begins with `/` is the folder of a Unix socket. */
export type DatabaseAddress =
  /** A URL as in DATABASE_URL; `database` replaces the one it names. */
  { url: string; database?: string } | { host: string; port: number; database: string; user: string };

/** The configuration of a node-postgres pool; BullMQ's Postgres backend takes it as its `connection`. */
type PgPoolConfig = {
  host: string;
  port: number;
  database: string;
  user: string;
  password?: string;
  ssl: boolean | { rejectUnauthorized: boolean };
  application_name: string;
  options: string;
  connectionTimeoutMillis: number;
  keepAlive: boolean;
};

type Parts = {
  host: string;
  port: number;
  database: string;
  user: string;
  password: string | null;
  ssl: boolean | { rejectUnauthorized: boolean };
};

/** The address as options of postgres.js. */
export function postgresOptions(address: DatabaseAddress): Options<Record<string, never>> {
  const { host, port, password, ...parts } = partsOf(address);
  const common = { ...parts, connect_timeout: 5, ...(password === null ? {} : { password }) };
  if (host.startsWith('/')) return { ...common, path: `${host}/.s.PGSQL.${port}` };
  // postgres.js cuts an IPv6 address at its first colon, unless the address is in an array, which its types do not allow.
  return { ...common, host: [host] as unknown as string, port: [port] as unknown as number };
}

/** The address as the configuration of a node-postgres pool. */
export function pgPoolConfig(address: DatabaseAddress): PgPoolConfig {
  const { password, ...parts } = partsOf(address);
  return {
    ...parts,
    ...(password === null ? {} : { password }),
    application_name: 'lull',
    // Commits of the queue and of fan-out need not wait for the disk: the reconciler replaces what a crash of the server
    // loses. Commits that notify would also hold up each other while they wait.
    options: '-c synchronous_commit=off',
    connectionTimeoutMillis: 5000,
    keepAlive: true,
  };
}

/** The address of another database of the same server. */
export function inDatabase(address: DatabaseAddress, database: string): DatabaseAddress {
  return { ...address, database };
}

/** The address as people read it: host, port and database, never the password. */
export function describeAddress(address: DatabaseAddress): string {
  const { host, port, database } = partsOf(address);
  return host.startsWith('/')
    ? `${host}/.s.PGSQL.${port}, database ${database}`
    : `${host}:${port}/${database}`;
}

function partsOf(address: DatabaseAddress): Parts {
  if (!('url' in address)) return { ...address, password: null, ssl: false };
  const [place = '', query] = address.url.split('?');
  const parameters = new URLSearchParams(query);
  const ssl = sslOf(parameters.get('sslmode') ?? parameters.get('ssl'));
  // The library would read these by its own rules, warn about some modes, and verify certificates where libpq does not.
  for (const name of [...parameters.keys()]) if (name.startsWith('ssl')) parameters.delete(name);
  const parsed = parse(`${place.replace(/@$/, '@/')}?${parameters}`);
  const user = parsed.user || userInfo().username;
  return {
    host: parsed.host || 'localhost',
    port: Number(parsed.port || 5432),
    database: address.database ?? (parsed.database || user),
    user,
    password: parsed.password || null,
    ssl,
  };
}

/** The modes of libpq. The certificate is verified only in the modes that ask for it, and `prefer` does not encrypt. */
function sslOf(mode: string | null): boolean | { rejectUnauthorized: boolean } {
  switch (mode) {
    case null:
    case 'disable':
    case 'false':
    case 'allow':
    case 'prefer':
      return false;
    case 'require':
    case 'no-verify':
      return { rejectUnauthorized: false };
    default:
      return true;
  }
}
