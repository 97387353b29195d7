import { Redis } from 'ioredis';
import { startRedis } from '../support/redis.ts';

/** A Redis for fault injection. */
export type OwnRedis = {
  url: string;
  kill(): Promise<void>;
  /** Starts it again afterwards, empty. */
  startAgain(): Promise<void>;
  /** Removes every key. */
  wipe(): Promise<void>;
  stop(): Promise<void>;
};

export async function openOwnRedis(): Promise<OwnRedis> {
  let server = await startRedis();
  return {
    url: server.url,
    kill: () => server.kill(),
    async startAgain() {
      server = await startRedis(server.port);
    },
    async wipe() {
      const admin = new Redis(server.url);
      await admin.flushall();
      admin.disconnect();
    },
    stop: () => server.stop(),
  };
}
