/**
 * `npm run test:faults [-- [--short] [<part of a fault's name>]]`: tries every fault several times; on stderr how far it
 * is, on stdout a table. `--short`: twice as `npm test` does it.
 */
import { parseArgs } from 'node:util';
import { LONG, SHORT, tableOf, tryFaults } from './run.ts';

const { values, positionals } = parseArgs({
  options: { short: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const [name] = positionals;
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
const begun = Date.now();
const form = {
  ...(values.short ? { ...SHORT, times: 2 } : LONG),
  ...(name === undefined ? {} : { only: { name } }),
};
const outcome = await tryFaults(form, (line) => process.stderr.write(`${line}\n`));
process.stdout.write(`${tableOf(outcome)}\n${Math.round((Date.now() - begun) / 1_000)} s in all.\n`);
process.exit(outcome.rows.some(({ violations }) => violations.length > 0) ? 1 : 0);
