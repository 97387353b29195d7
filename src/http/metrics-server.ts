import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { listen } from './listen.ts';
import type { Metrics } from './metrics.ts';
import { answerHealth, openReadiness, type ProbeDeps } from './probes.ts';
import { ALWAYS, sendError } from './respond.ts';

/** Longer than the interval of scrapers, so that a scrape does not meet a connection that is being closed. */
const KEEP_ALIVE_MS = 75_000;

/** The listener for monitoring. */
export type MetricsServer = {
  /** Its URL, such as `http://127.0.0.1:9464`. */
  url: string;
  /** Makes `/ready` answer 503, so that no new work arrives. Metrics and `/health` continue. */
  leave(): void;
  close(): Promise<void>;
};

/**
 * Serves `/metrics`, `/health` and `/ready` on a separate port, in every role; a worker has no other port.
 * @throws SetupError with host and port if it cannot listen
 */
export async function startMetrics(
  metrics: Metrics,
  deps: ProbeDeps,
  { host, port }: { host: string; port: number },
): Promise<MetricsServer> {
  const stopping = new AbortController();
  const readiness = openReadiness(deps, stopping.signal);
  const server = createServer(
    { requestTimeout: 10_000, keepAliveTimeout: KEEP_ALIVE_MS },
    (request, response) => {
      answer(request, response).catch((error) => {
        deps.log.error({ err: error }, 'metrics could not be given');
        if (response.headersSent) response.destroy();
        else sendError(response, 500, 'INTERNAL', 'not possible just now; try again');
      });
    },
  );

  async function answer({ url }: IncomingMessage, response: ServerResponse): Promise<void> {
    switch (url?.split('?')[0]) {
      case '/metrics': {
        const { text, contentType } = await metrics.scrape();
        response.writeHead(200, { 'content-type': contentType, ...ALWAYS }).end(text);
        return;
      }
      case '/health':
        return answerHealth(response);
      case '/ready':
        return await readiness.answer(response);
      default:
        return sendError(response, 404, 'NOT_FOUND', 'there is nothing here');
    }
  }

  return {
    url: await listen(server, host, port),
    leave: () => stopping.abort(),
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}
