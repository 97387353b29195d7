/**
 * Loaded before everything else of a process, by `--import`: each SIGUSR2 sets its clock by another step. `wall` is what
 * a machine's clock is set to; `running` is the time since some instant, which falls behind where a machine
 * was suspended.
 */
const MINUTE = 60_000;
const STEPS: readonly { clock: 'wall' | 'running'; ms: number }[] = [
  { clock: 'wall', ms: 5 * MINUTE },
  { clock: 'wall', ms: -10 * MINUTE },
  { clock: 'running', ms: -3 * MINUTE },
  { clock: 'running', ms: 6 * MINUTE },
];

const shifts = { wall: 0, running: 0 };
const RealDate = Date;
const realNow = performance.now.bind(performance);

function wall(): number {
  return RealDate.now() + shifts.wall;
}

globalThis.Date = new Proxy(RealDate, {
  construct: (target, given, newTarget) =>
    Reflect.construct(target, given.length === 0 ? [wall()] : given, newTarget),
  get: (target, name) => (name === 'now' ? wall : Reflect.get(target, name)),
});
performance.now = () => realNow() + shifts.running;

let taken = 0;
process.on('SIGUSR2', () => {
  const step = STEPS[taken];
  if (step === undefined) return;
  taken += 1;
  shifts[step.clock] += step.ms;
  process.stderr.write(
    `step ${taken} of ${STEPS.length}: the ${step.clock} clock by ${step.ms / MINUTE} minutes\n`,
  );
});
