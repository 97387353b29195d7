import { userInfo } from 'node:os';
import type { Options } from 'postgres';

/** Where a database is: a URL as in DATABASE_URL, or its parts. A host that begins with `/` is a socket's folder. */
export type DatabaseAddress =
  | { url: string }
  | { host: string; port: number; database: string; user: string };

/** What node-postgres needs to open a pool; BullMQ's Postgres backend takes it as its `connection`. */
export type PgPoolConfig = {
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
  // Its types want a string, of which it would cut an IPv6 address at the first colon.
  return { ...common, host: [host] as unknown as string, port: [port] as unknown as number };
}

/** The address as the configuration of a node-postgres pool. */
export function pgPoolConfig(address: DatabaseAddress): PgPoolConfig {
  const { password, ...parts } = partsOf(address);
  return {
    ...parts,
    ...(password === null ? {} : { password }),
    application_name: 'lull',
    // What the queue and fan-out lose when the server crashes the reconciler makes up for: none of their commits
    // has to wait for the disk, least of all those that notify, which hold up each other for as long.
    options: '-c synchronous_commit=off',
    connectionTimeoutMillis: 5000,
    keepAlive: true,
  };
}

/** Another database of the same server. */
export function inDatabase(address: DatabaseAddress, database: string): DatabaseAddress {
  if (!('url' in address)) return { ...address, database };
  const url = parse(address.url);
  url.pathname = `/${encodeURIComponent(database)}`;
  return { url: url.href };
}

/** The address for a person to read: host, port and database, never the password. */
export function describeAddress(address: DatabaseAddress): string {
  const { host, port, database } = partsOf(address);
  return host.startsWith('/')
    ? `${host}/.s.PGSQL.${port}, database ${database}`
    : `${host}:${port}/${database}`;
}

function partsOf(address: DatabaseAddress): Parts {
  if (!('url' in address)) return { ...address, password: null, ssl: false };
  const url = parse(address.url);
  const query = url.searchParams;
  const host = query.get('host') ?? decodeURIComponent(url.hostname.replace(/^\[(.*)\]$/, '$1'));
  const user = query.get('user') ?? (decodeURIComponent(url.username) || userInfo().username);
  return {
    host: host || 'localhost',
    port: Number(query.get('port') ?? (url.port || 5432)),
    database: decodeURIComponent(url.pathname.slice(1)) || user,
    user,
    password: decodeURIComponent(url.password) || query.get('password'),
    ssl: sslOf(query.get('sslmode') ?? query.get('ssl')),
  };
}

/** Users of libpq leave the host out where `?host=` names it, which URL does not take beside a user. */
function parse(url: string): URL {
  return new URL(url.replace(/@(?=\/|\?|$)/, '@localhost'));
}

/** libpq's modes; those that do not ask for a checked certificate do not check it. */
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
