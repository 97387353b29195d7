import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A way to a server that cuts connections, each after a number of bytes that chance decides, in either direction. */
export type CuttingProxy = {
  port: number;
  /** How many connections it cut so far. */
  cuts(): number;
  /** From now on connections are cut after this many bytes at most, those that there are too; null: no more. */
  cutWithin(bytes: number | null): void;
  close(): Promise<void>;
};

/** Opens it on a port of its own; it cuts nothing until it is told to. */
export async function openCuttingProxy(
  server: { path: string } | { host: string; port: number },
  random: () => number = Math.random,
): Promise<CuttingProxy> {
  const sockets = new Set<Socket>();
  const budgets = new Set<{ left: number }>();
  let [within, cuts]: [number | null, number] = [null, 0];
  const budget = () => (within === null ? Number.POSITIVE_INFINITY : Math.floor(random() * within));

  const proxy = createServer((outside) => {
    const inside = connect(server);
    const given = { left: budget() };
    budgets.add(given);
    const end = () => {
      budgets.delete(given);
      sockets.delete(outside);
      sockets.delete(inside);
      // Sometimes with a reset, in which what is under way is lost too.
      if (random() < 0.5 && !outside.destroyed) outside.resetAndDestroy();
      outside.destroy();
      inside.destroy();
    };
    function forward(from: Socket, to: Socket): void {
      sockets.add(from);
      from.on('error', () => {}).on('close', end);
      from.on('data', (chunk) => {
        if (given.left === Number.POSITIVE_INFINITY || chunk.length <= given.left) {
          given.left -= chunk.length;
          if (!to.write(chunk)) from.pause();
          return;
        }
        cuts++;
        to.write(chunk.subarray(0, given.left));
        given.left = 0;
        setImmediate(end);
      });
      to.on('drain', () => from.resume());
    }
    forward(outside, inside);
    forward(inside, outside);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  return {
    port: (proxy.address() as { port: number }).port,
    cuts: () => cuts,
    cutWithin(bytes) {
      within = bytes;
      for (const given of budgets) given.left = budget();
    },
    async close() {
      const closed = once(proxy, 'close');
      proxy.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
