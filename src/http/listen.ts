import type { Server } from 'node:http';
import { SetupError } from '../domain/errors.ts';

/**
 * Connections that wait to be accepted; the system may allow fewer. With Node's default of 511, a larger burst is
 * delayed by seconds.
 */
const BACKLOG = 2048;

/**
 * Starts to listen and returns the URL, with the real port if 0 was given.
 * @throws SetupError with host and port if it cannot listen
 */
export function listen(server: Server, host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason = error.code === 'EADDRINUSE' ? 'it is in use' : (error.code ?? error.message);
      reject(new SetupError(`cannot listen on ${host}:${port}: ${reason}`));
    });
    server.listen(port, host, BACKLOG, () => {
      const address = server.address();
      const real = typeof address === 'object' && address !== null ? address.port : port;
      resolve(`http://${host.includes(':') ? `[${host}]` : host}:${real}`);
    });
  });
}
