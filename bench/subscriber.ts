import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createEndpoint, deleteEndpoint } from '../test/support/flows.ts';
import { type Stage, settled } from './stage.ts';

/** Somebody who wants a webhook for each end of the big account, and takes long to answer the few that reach it. */
export type Subscriber = {
  endpointId: string;
  /** Goes, with all that it is still owed. */
  close(): Promise<void>;
};

/** Less than an attempt may take: none fails, and what is owed is written and waits instead of being sent meanwhile. */
const ANSWERS_AFTER_MS = 10_000;

/** Subscribes, and waits until every lane knows. */
export async function subscribe(stage: Stage): Promise<Subscriber> {
  const { engine, big, admin } = stage;
  const waiting = new Set<ServerResponse>();
  const server = createServer((_request, response) => {
    waiting.add(response);
    setTimeout(() => answer(response), ANSWERS_AFTER_MS).unref();
  });
  const answer = (response: ServerResponse) => {
    waiting.delete(response);
    response.end();
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const author = { changedBy: 'bench', why: null };
  const deps = { ...engine.deps, vault: engine.vault, allowPrivateWebhooks: true };
  const fields = { url, events: ['conversation.ended'], channelId: null };
  const { id: endpointId } = await createEndpoint(deps, big.accountId, fields, author);
  await settled(stage, big);
  return {
    endpointId,
    async close() {
      await deleteEndpoint(
        deps,
        { accountId: big.accountId, author, call: { key: null, request: null } },
        endpointId,
      );
      await admin`truncate outbox`;
      for (const response of waiting) answer(response);
      server.close();
      await settled(stage, big);
    },
  };
}
