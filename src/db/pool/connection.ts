import postgres, { type Notice, type Sql } from 'postgres';
import { ARRAY_TYPES, learnArrayTypes } from './array-types.ts';
import { whyImpossible } from './check-result.ts';
import { type DriverOptions, type DriverQuery, handlerOf } from './driver.ts';
import { connectSocket, guardSocket } from './driver-socket.ts';
import { ConnectionLostError, DriverFaultError } from './errors.ts';

/** A session of the database, with a client of the driver to itself, which ends with it. */
export type Connection = {
  /** Sends a statement, behind those of the same holder. `settled` hears when it is answered, while the driver still works. */
  send(query: DriverQuery, settled?: () => void): void;
  /** Whether a statement is under way on it. */
  carries(query: DriverQuery): boolean;
  /** Why it is of no use any more; null while it is. */
  gone(): Error | null;
  /** Is called when it goes; for whoever holds it. */
  onGone: ((why: Error) => void) | null;
  /** Whether a statement failed since it was last proven clean, or the server did not say that no transaction is open. */
  isSuspect(): boolean;
  /** Proves it clean; false where it is not, and then it is gone. */
  prove(): Promise<boolean>;
  /** Says goodbye. */
  end(): void;
  /** Breaks it off, whatever is under way; that fails. */
  destroy(why: Error): void;
};

/** How connections of a pool are opened. `template` makes statements, and never connects. */
export type Opening = {
  options: DriverOptions;
  template: Sql;
  onNotice: (notice: Notice) => void;
  onFault: (fault: DriverFaultError) => void;
  /** Is called once when a connection that was open is gone. */
  onGone: (connection: Connection) => void;
  /** Hears of every statement that is sent for somebody. */
  onStatement: ((text: string, parameters: unknown[]) => void) | null;
};

/** The state of a session with no transaction open, as the last byte of an answer has it. */
const IDLE = 'I'.charCodeAt(0);
/** From the first byte until the first answer. */
const CONNECT_WITHIN_MS = 5_000;
const PROVE_WITHIN_MS = 5_000;
/**
 * The driver's count of rows begins anew with the first of these, so the second shows what it answers from then on. It also
 * shows whether a transaction was left open: then the two times are not the same.
 */
const PROOF = `select 1 as begun_anew; select 2 as proven, transaction_timestamp() = statement_timestamp() as is_outside`;

/** Opens a connection, proves it, and learns for its pool which arrays there are. Rejects where there is none. */
export async function openConnection(opening: Opening): Promise<Connection> {
  const { options, template } = opening;
  const socket = await connectSocket(options, CONNECT_WITHIN_MS);
  let isOpen = false;
  let gone: Error | null = null;
  let isSuspect = false;
  const pending = new Set<DriverQuery>();

  function leave(why: Error): void {
    if (gone !== null) return;
    gone = why;
    for (const query of [...pending]) query.reject(why);
    connection.onGone?.(why);
    if (isOpen) opening.onGone(connection);
  }
  function destroy(why: Error): void {
    guarded.destroy();
    leave(why);
  }
  function fail(fault: DriverFaultError): void {
    if (gone === null) opening.onFault(fault);
    destroy(fault);
  }

  const where = options.path ?? `${options.host[0]}:${options.port[0]}`;
  const guarded = guardSocket(socket, (why) =>
    leave(new ConnectionLostError('CONNECTION_CLOSED', where, why ?? undefined)),
  );
  const client = postgres({
    ...options,
    ...{ max: 1, ssl: false },
    onnotice(notice: Notice) {
      if (!notice.code?.startsWith('25')) return opening.onNotice(notice);
      fail(
        new DriverFaultError('transaction_warning', `the server warned: ${notice.code} ${notice.message}`),
      );
    },
    // Asked for once: the driver never learns that this one ended.
    socket: () => guarded.forDriver,
  } as never);
  const carryOut = handlerOf(client);

  function sendChecked(query: DriverQuery, isChecked: boolean, settled?: () => void): void {
    if (gone !== null) {
      query.reject(gone);
      return;
    }
    pending.add(query);
    const { resolve, reject } = query;
    query.resolve = (result) => {
      if (!pending.has(query)) return;
      const fault = isChecked ? whyImpossible(query, result) : null;
      if (fault !== null) return fail(fault);
      pending.delete(query);
      resolve(result);
      settled?.();
    };
    query.reject = (error) => {
      if (!pending.delete(query)) return;
      isSuspect = true;
      reject(error);
      // What is not the server's answer may have shifted the answers to other statements.
      if (gone === null && !(error instanceof postgres.PostgresError)) destroy(error as Error);
      settled?.();
    };
    carryOut(query);
  }

  /** Runs a statement of its own, for a time at most. */
  async function ask(text: string, withinMs: number): Promise<unknown[]> {
    const timeout = setTimeout(() => destroy(new ConnectionLostError('CONNECT_TIMEOUT', where)), withinMs);
    try {
      return await new Promise((resolve, reject) => {
        const query = template.unsafe(text) as unknown as DriverQuery;
        sendChecked(Object.assign(query, { resolve, reject }), false);
      });
    } finally {
      clearTimeout(timeout);
    }
  }

  async function prove(): Promise<boolean> {
    try {
      const answer = JSON.stringify((await ask(PROOF, PROVE_WITHIN_MS))[1]);
      isSuspect = false;
      if (answer === '[{"proven":2,"is_outside":true}]') return true;
      fail(new DriverFaultError('not_clean', `a connection is not clean: it answers ${answer}`));
    } catch (error) {
      destroy(error as Error);
    }
    return false;
  }

  const connection: Connection = {
    send: (query, settled) => sendChecked(query, true, settled),
    carries: (query) => pending.has(query),
    gone: () => gone,
    onGone: null,
    isSuspect: () => isSuspect || guarded.lastByte() !== IDLE,
    prove,
    end() {
      guarded.leave();
      leave(new ConnectionLostError('CONNECTION_ENDED', where));
    },
    destroy,
  };
  if (!(await prove())) throw gone ?? new ConnectionLostError('CONNECTION_CLOSED', where);
  if (Object.keys(options.shared.typeArrayMap).length === 0)
    learnArrayTypes(options, (await ask(ARRAY_TYPES, PROVE_WITHIN_MS)) as never);
  const { onStatement } = opening;
  if (onStatement !== null)
    Object.assign(client.options, {
      debug: (_id: number, text: string, parameters: unknown[]) =>
        void (text === PROOF || onStatement(text, parameters)),
    });
  isOpen = true;
  return connection;
}
