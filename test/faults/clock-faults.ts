import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from './faults.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
/** How many conversations start while the clock is wrong, without a timestamp. */
const UNDATED = 20;

const LATECOMER = 'worker3';

type Stepped = {
  on: Fault['on'];
  aheadMs: number;
  lastsMs: { short: number; long: number };
  restarts: boolean;
};

/**
 * The database's clock steps, and later back, while all others run as before. `restarts`: some processes start
 * meanwhile.
 */
function stepped(by: string, { on, aheadMs, lastsMs, restarts }: Stepped): Fault {
  return {
    name: `database clock ${by}`,
    on,
    needs: 'faketime',
    async strike({ postgres, crew }, traffic, { burst, isShort }) {
      // Some fall due before a process can have noticed, some later, and some after the fault.
      await traffic.burst(burst, 700);
      postgres.stepClock(aheadMs);
      try {
        await traffic.undated(UNDATED);
        await traffic.burst(burst, 4 * SECOND);
        await sleep(isShort ? lastsMs.short : lastsMs.long);
        if (restarts) {
          // A process that starts now has no history: it must neither end a conversation nor use the wrong time as a
          // timestamp.
          crew.kill('api', 'SIGKILL');
          await crew.start(LATECOMER, 'worker');
        }
        await traffic.undated(UNDATED);
      } finally {
        postgres.stepClock(0);
      }
      if (restarts) await crew.leave(LATECOMER);
    },
  };
}

/** Readings of the database's time are 10 s apart: a longer fault is certain to be noticed. */
const NOTICED = { short: 13 * SECOND, long: 30 * SECOND };

export const CLOCK_FAULTS: readonly Fault[] = [
  stepped('+10 min', { on: ['postgres', 'redis'], aheadMs: 10 * MINUTE, lastsMs: NOTICED, restarts: true }),
  stepped('−10 min', { on: ['redis', 'postgres'], aheadMs: -10 * MINUTE, lastsMs: NOTICED, restarts: true }),
  stepped('+1 h for 9 s', {
    on: ['redis', 'postgres'],
    aheadMs: 60 * MINUTE,
    lastsMs: { short: 9 * SECOND, long: 9 * SECOND },
    restarts: false,
  }),
];
