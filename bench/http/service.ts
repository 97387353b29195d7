import { v7 } from 'uuid';
import { createApiKey, SCOPES } from '../../src/accounts/api-keys.ts';
import { type ServiceProcess, spawnService } from '../../test/support/service.ts';
import type { Account } from '../seed.ts';
import type { Stage } from '../stage.ts';

/** The rate limit is not what is measured: as many requests a minute as the setting takes. */
const NO_LIMIT = '1000000';

/** The API as it is run in production: a process of its own, on the database and the queue of the stage. */
export type Api = {
  pid: number;
  /** Where GraphQL is. */
  url: string;
  /** What calls on an account's behalf. */
  headersFor(account: Account): Promise<Record<string, string>>;
  close(): Promise<void>;
};

/** Starts it. @throws Error with what it said, where it does not run */
export async function startApi({ env, engine }: Stage): Promise<Api> {
  const service = spawnService(
    { ...env, PORT: '0', NODE_ENV: 'production', LULL_RATE_LIMIT: NO_LIMIT },
    ...['src/cli.ts', 'serve', '--role', 'api'],
  );
  const url = await service.running;
  if (url === null) throw new Error(`the API does not run: ${service.said()}`);
  return {
    pid: service.pid,
    url: `${url}/graphql`,
    async headersFor({ accountId }) {
      const asked = { accountId, name: 'bench', scopes: [...SCOPES] };
      const token = await createApiKey(engine.db, asked, { id: v7(), now: engine.clock.now() });
      return { authorization: `Bearer ${token}` };
    },
    close: () => stop(service),
  };
}

/** Ends a service as whoever runs it does. */
export async function stop(service: ServiceProcess): Promise<void> {
  service.kill('SIGTERM');
  await service.ended;
}
