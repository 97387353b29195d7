import type { Server } from 'node:http';
import { SetupError } from '../domain/errors.ts';

/** Connections that may wait to be taken; the system may allow fewer. With Node's own 511 a burst of more is held up by seconds. */
const BACKLOG = 2048;

/**
 * Starts to listen; returns where, with the real port where 0 was asked for.
 * @throws SetupError where it cannot, with host and port
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
