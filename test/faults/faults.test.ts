import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { programFor } from '../support/need.ts';
import { FAULTS } from './faults.ts';
import { INVARIANTS } from './invariants.ts';
import { type Outcome, SHORT, tableOf, tryFaults } from './run.ts';

/** The short form: each fault once. `npm run test:faults` tries them longer, heavier and on either store. */
describe('under every fault, no conversation closes early, no data is lost and no effect happens twice', () => {
  let outcome: Outcome;
  const said: string[] = [];
  beforeAll(async () => {
    outcome = await tryFaults(SHORT, (line) => said.push(line));
  }, 600_000);
  afterAll(() => {
    process.stdout.write(`${tableOf(outcome)}\n`);
  });

  const tried = FAULTS.filter(({ on, needs }) =>
    [...(on[0] === 'redis' ? ['redis' as const] : []), ...(needs ? [needs] : [])].every(
      (need) => programFor(need) !== null,
    ),
  );
  it.each(tried)('LP-1 LP-8 LL-2 all invariants hold after: $name', ({ name }) => {
    const row = outcome.rows.find(({ fault }) => fault === name);
    expect(row?.violations.slice(0, 10), said.join('\n')).toEqual([]);
    expect(row).toMatchObject({ tried: 1, checked: INVARIANTS.length });
    expect(row?.acknowledged).toBeGreaterThan(100);
  });

  it('only processes that were killed, or that found no database at a restart, exit', () => {
    const expected = / (SIGKILL|3|1 when asked)$/;
    expect(Object.keys(outcome.ends).filter((end) => !expected.test(end))).toEqual([]);
  });
});
