/**
 * One session of the database, with a client of postgres.js to itself, which ends with the session. A connection is
 * OPENING until it is proven clean, then OPEN, and GONE once it is closed, lost or at fault; it never comes back.
 */
import type { Socket } from 'node:net';
import postgres, { type Notice, type Sql } from 'postgres';
import { ARRAY_TYPES, learnArrayTypes } from './array-types.ts';
import { whyImpossible } from './check-result.ts';
import { type DriverOptions, type DriverQuery, handlerOf } from './driver.ts';
import { connectSocket, type DriverSocket, guardSocket } from './driver-socket.ts';
import { ConnectionLostError, DriverFaultError } from './errors.ts';

type State = { kind: 'OPENING' } | { kind: 'OPEN' } | { kind: 'GONE'; why: Error };

/** A connection. Only the functions of this file change it, except for `onGone`. */
export type Connection = {
  state: State;
  /** Called when the connection goes; set by its holder. */
  onGone: ((why: Error) => void) | null;
  /** The statements that are under way on it. */
  readonly pending: Set<DriverQuery>;
  /** Whether a statement failed since the connection was last proven clean. */
  hasFailed: boolean;
  /** Where it leads, for error messages. */
  readonly where: string;
  readonly socket: DriverSocket;
  readonly client: Sql;
  readonly carryOut: DriverQuery['handler'];
  readonly opening: Opening;
};

/** How connections of a pool are opened. `template` makes statements, and never connects. */
export type Opening = {
  options: DriverOptions;
  template: Sql;
  onNotice: (notice: Notice) => void;
  onFault: (fault: DriverFaultError) => void;
  /** Called once when an OPEN connection is GONE. */
  onGone: (connection: Connection) => void;
  /** Called with every statement that is sent on behalf of a caller. */
  onStatement: ((text: string, parameters: unknown[]) => void) | null;
};

/** The last byte of an answer, if the session has no transaction open. */
const IDLE = 'I'.charCodeAt(0);
/** From the first byte until the server is ready. */
const CONNECT_WITHIN_MS = 5_000;
const ANSWER_WITHIN_MS = 5_000;
/**
 * After an error postgres.js may shift the rows of later answers. Its count of rows restarts with the first statement, so
 * the second shows what it will answer from then on. Its two times differ if a transaction was left open.
 */
const PROOF = `select 1 as begun_anew; select 2 as proven, transaction_timestamp() = statement_timestamp() as is_outside`;

/** Opens a connection, proves it clean, and learns the array types for its pool. Rejects if the connection fails. */
export async function openConnection(opening: Opening): Promise<Connection> {
  const { options, onStatement } = opening;
  const connection = begin(opening, await connectSocket(options, CONNECT_WITHIN_MS));
  if (!(await prove(connection)))
    throw whyGone(connection) ?? new ConnectionLostError('CONNECTION_CLOSED', connection.where);
  if (Object.keys(options.shared.typeArrayMap).length === 0)
    learnArrayTypes(options, (await ask(connection, ARRAY_TYPES)) as never);
  if (onStatement !== null)
    Object.assign(connection.client.options, {
      debug: (_id: number, text: string, parameters: unknown[]) =>
        void (text === PROOF || onStatement(text, parameters)),
    });
  connection.state = { kind: 'OPEN' };
  return connection;
}

function begin(opening: Opening, socket: Socket): Connection {
  const { options } = opening;
  const where = options.path ?? `${options.host[0]}:${options.port[0]}`;
  const guarded = guardSocket(socket, (why) =>
    leave(connection, new ConnectionLostError('CONNECTION_CLOSED', where, why ?? undefined)),
  );
  const client = postgres({
    ...options,
    // One session a client, so that the pool alone decides which statement goes where.
    max: 1,
    // `connectSocket` has encrypted the socket already.
    ssl: false,
    onnotice: (notice: Notice) => hearNotice(connection, notice),
    // postgres.js asks for a socket only once, because it never learns that this one ended.
    socket: () => guarded.forDriver,
  } as never);
  const connection: Connection = {
    state: { kind: 'OPENING' },
    onGone: null,
    pending: new Set(),
    hasFailed: false,
    where,
    socket: guarded,
    client,
    carryOut: handlerOf(client),
    opening,
  };
  return connection;
}

/** A warning of class 25 means that a transaction begins or ends where none should: statements were mixed up. */
function hearNotice(connection: Connection, notice: Notice): void {
  const { code, message } = notice;
  if (code?.startsWith('25'))
    fail(connection, new DriverFaultError('transaction_warning', `the server warned: ${code} ${message}`));
  else connection.opening.onNotice(notice);
}

/** Sends a statement, behind those of the same holder. `settled` is called when it is answered, while the driver still works. */
export function send(connection: Connection, query: DriverQuery, settled?: () => void): void {
  sendChecked(connection, query, { check: whyImpossible, settled });
}

type Sending = {
  check: (query: DriverQuery, result: unknown) => DriverFaultError | null;
  settled?: (() => void) | undefined;
};

function sendChecked(connection: Connection, query: DriverQuery, { check, settled }: Sending): void {
  const { pending } = connection;
  const gone = whyGone(connection);
  if (gone !== null) {
    query.reject(gone);
    return;
  }
  pending.add(query);
  const { resolve, reject } = query;
  query.resolve = (result) => {
    if (!pending.has(query)) return;
    const fault = check(query, result);
    if (fault !== null) return fail(connection, fault);
    pending.delete(query);
    resolve(result);
    settled?.();
  };
  query.reject = (error) => {
    if (!pending.delete(query)) return;
    connection.hasFailed = true;
    reject(error);
    // An error that is not the server's answer may have shifted the answers to other statements.
    const isAnswer = error instanceof postgres.PostgresError;
    if (!isAnswer && whyGone(connection) === null) destroy(connection, error as Error);
    settled?.();
  };
  connection.carryOut(query);
}

/** Runs a statement of the pool's own, 5 s at most. */
async function ask(connection: Connection, text: string): Promise<unknown[]> {
  const timeout = setTimeout(
    () => destroy(connection, new ConnectionLostError('CONNECT_TIMEOUT', connection.where)),
    ANSWER_WITHIN_MS,
  );
  try {
    return await new Promise((resolve, reject) => {
      const query = connection.opening.template.unsafe(text) as unknown as DriverQuery;
      sendChecked(connection, Object.assign(query, { resolve, reject }), { check: () => null });
    });
  } finally {
    clearTimeout(timeout);
  }
}

/** Proves a connection clean; false if it is not, and then it is GONE. */
export async function prove(connection: Connection): Promise<boolean> {
  try {
    const answer = JSON.stringify((await ask(connection, PROOF))[1]);
    connection.hasFailed = false;
    if (answer === '[{"proven":2,"is_outside":true}]') return true;
    fail(connection, new DriverFaultError('not_clean', `a connection is not clean: it answers ${answer}`));
  } catch (error) {
    destroy(connection, error as Error);
  }
  return false;
}

/** Whether a connection must be proven clean before it is lent again: a statement failed, or a transaction may be open. */
export function isSuspect({ hasFailed, socket }: Connection): boolean {
  return hasFailed || socket.lastByte() !== IDLE;
}

/** Why a connection is GONE; null while it is not. */
export function whyGone({ state }: Connection): Error | null {
  return state.kind === 'GONE' ? state.why : null;
}

/** Ends the session in good order. */
export function end(connection: Connection): void {
  connection.socket.leave();
  leave(connection, new ConnectionLostError('CONNECTION_ENDED', connection.where));
}

/** Breaks a connection off; the statements that are under way on it fail. */
export function destroy(connection: Connection, why: Error): void {
  connection.socket.destroy();
  leave(connection, why);
}

function fail(connection: Connection, fault: DriverFaultError): void {
  if (whyGone(connection) === null) connection.opening.onFault(fault);
  destroy(connection, fault);
}

function leave(connection: Connection, why: Error): void {
  const { state, pending, opening } = connection;
  if (state.kind === 'GONE') return;
  connection.state = { kind: 'GONE', why };
  for (const query of [...pending]) query.reject(why);
  connection.onGone?.(why);
  if (state.kind === 'OPEN') opening.onGone(connection);
}
