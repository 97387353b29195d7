import { expect } from 'vitest';
import { openDatabase } from '../../src/db/client.ts';
import { inTransaction } from '../../src/db/transaction.ts';
import type { Refusal } from '../../src/http/admission.ts';
import { type HttpDeps, type HttpServer, startHttp } from '../../src/http/server.ts';
import { openAccess } from '../../src/schema/core/access.ts';
import { PATIENT_SESSION } from '../support/database.ts';
import { HTTP_OPTIONS, RECORD } from './open-api.ts';
import { openWebhookApi } from './webhook-calls.ts';

/** A server, and the reasons for which it refused requests so far. */
export type BusyServer = HttpServer & { refused: Refusal[] };
export type BusyOptions = Partial<Parameters<typeof startHttp>[1]>;

export const soon = { timeout: 60_000, interval: 20 };
/** For what takes two thousand requests, or a database that comes and goes, on a machine that has more to do. */
export const PATIENTLY = 600_000;
/** A query that costs next to nothing. */
export const NAME = JSON.stringify({ query: '{ account { name } }' });

/** Servers that may be asked too much, all on one database, and what to ask of them. */
export type BusyApi = Awaited<ReturnType<typeof openBusyApi>>;

export async function openBusyApi() {
  const world = await openWebhookApi();
  const { api } = world;
  // Of its own: requests that are blocked may take every connection, and who cannot be authenticated is answered 503.
  const keys = openDatabase(api.engine.address, { connections: 2, session: PATIENT_SESSION });
  const identify = openAccess({ db: keys, clock: api.engine.clock }, null);
  const servers: HttpServer[] = [];
  const holds = new Set<() => Promise<void>>();
  const letGoOfAll = async () => {
    for (const letGo of holds) await letGo();
  };
  return {
    ...world,
    /** A server that takes on so much; nobody has asked as often as to be refused for that. */
    async serve(options: BusyOptions, deps: Partial<HttpDeps> = {}): Promise<BusyServer> {
      const refused: Refusal[] = [];
      const all = { ...api.deps, identify, refused: (why: Refusal) => void refused.push(why), ...deps };
      // How busy this machine is otherwise is not what most of these tests are about.
      const roomy = { requestsPerMinute: 1_000_000, accountRequestsPerMinute: 1_000_000, maxDelayMs: 60_000 };
      const server = await startHttp(all, { ...HTTP_OPTIONS, ...roomy, ...options });
      servers.push(server);
      return { ...server, refused };
    },
    post: (server: HttpServer, body: string, signal?: AbortSignal) =>
      fetch(`${server.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${api.key}` },
        body,
        ...(signal && { signal }),
      }),
    /** A call that records a customer's message. */
    inbound: (address: string) =>
      JSON.stringify({
        query: RECORD,
        variables: { input: { activities: [{ kind: 'INBOUND', channelId: api.channel, address }] } },
      }),
    /** The addresses with that beginning that a conversation has been begun for. */
    async applied(prefix: string): Promise<string[]> {
      const rows = await api.engine.db.sql<{ address: string }[]>`
        select address from conversation join contact on contact.account_id = conversation.account_id and contact.id = contact_id
        where conversation.account_id = ${api.engine.accountId} and starts_with(address, ${prefix})`;
      return rows.map(({ address }) => address).sort();
    },
    /** Blocks all requests once they are authenticated, until the returned function is called. @throws if that fails */
    async holdUp(): Promise<() => Promise<void>> {
      const held = Promise.withResolvers<void>();
      const go = Promise.withResolvers<void>();
      const holding = inTransaction(api.engine.db.sql, async (sql) => {
        await sql`lock table account in access exclusive mode`;
        held.resolve();
        await go.promise;
      });
      const letGo = async () => {
        holds.delete(letGo);
        go.resolve();
        await holding;
      };
      await Promise.race([held.promise, holding]);
      holds.add(letGo);
      return letGo;
    },
    /** To be called after each test: a failed test must not block the next. */
    letGoOfAll,
    async close() {
      await letGoOfAll();
      for (const server of servers) await server.close();
      await keys.close();
      await api.close();
    },
  };
}

/** Checks every part of the answer to a request that was refused at admission. */
export async function expectBusy(response: Response): Promise<void> {
  const seconds = Number(response.headers.get('retry-after'));
  expect([response.status, Number.isInteger(seconds), seconds >= 1 && seconds <= 5]).toEqual([
    503,
    true,
    true,
  ]);
  expect(await response.json()).toEqual({
    errors: [
      {
        message: `too much to do just now; nothing was done: try again in ${seconds} s`,
        extensions: { code: 'UNAVAILABLE', retryAfterSeconds: seconds },
      },
    ],
  });
}
