import { Agent, type OutgoingHttpHeaders, request } from 'node:http';

/** A request as it goes onto the wire. */
export type Sent = {
  path: string;
  method?: string;
  headers?: OutgoingHttpHeaders;
  body?: string | Uint8Array;
};
/** What came back. `status` 0: the connection was closed without an answer. */
export type Got = { status: number; headers: Record<string, string>; body: string };

/** An answer that takes longer counts as hung; this is not a measure of speed. */
const HUNG_MS = 20_000;
const agent = new Agent({ keepAlive: true, maxSockets: 8 });

/**
 * Sends a request; what is not a request at all goes through `raw`. An answer that may go on for ever is read for
 * `streamMs`. @throws Error where there is no answer in time
 */
export function send(
  base: string,
  { path, method = 'POST', headers = {}, body }: Sent,
  streamMs = HUNG_MS,
): Promise<Got> {
  const { hostname, port } = new URL(base);
  return new Promise((resolve, reject) => {
    const out = request({ hostname, port, path, method, headers, agent, timeout: HUNG_MS }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk) => chunks.push(chunk));
      const hangUp = setTimeout(() => response.destroy(), streamMs);
      response.on('error', () => {});
      response.on('close', () => {
        clearTimeout(hangUp);
        resolve({
          status: response.statusCode ?? 0,
          headers: Object.fromEntries(
            Object.entries(response.headers).map(([name, value]) => [name, String(value)]),
          ),
          body: Buffer.concat(chunks).toString('utf8'),
        });
      });
    });
    out.on('timeout', () => out.destroy(new Error(`no answer in ${HUNG_MS} ms`)));
    out.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNRESET' || error.code === 'EPIPE')
        resolve({ status: 0, headers: {}, body: '' });
      else reject(error);
    });
    out.end(body);
  });
}
