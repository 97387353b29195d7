import { Command } from 'commander';
import { graphql } from 'graphql';
import { SCOPES } from '../src/accounts/api-keys.ts';
import { closingResolver } from '../src/adapters/shared/resolve-closing.ts';
import { createContext } from '../src/schema/core/context.ts';
import { schema } from '../src/schema/schema.ts';
import { median, timed } from './measure.ts';
import { formatTable, formatValue } from './report.ts';
import { openStage, type Stage } from './stage.ts';
import { type Case, casesOf, unitOf } from './weights/cases.ts';
import { endHalf, fillTables } from './weights/world.ts';

/**
 * Measures what the fields of the API cost, in reads of one row by its key, for `src/schema/core/cost-table.ts`:
 * `node bench/weights.ts --rows 1000000`. Each case is asked within the process, on tables of so many rows.
 */

const TIMES = 100;
const LONG_MS = 100;
const TIMES_IF_LONG = 5;

const options = new Command('weights')
  .option('--rows <count>', 'rows', Number, 1_000_000)
  .parse()
  .opts<{ rows: number }>();
const stage = await openStage(options.rows, undefined);
try {
  const world = await fillTables(stage, options.rows);
  await endHalf(stage);
  const ask = asker(stage);
  const unitMs = await timeOf(ask, unitOf(world));
  const rows: string[][] = [];
  for (const each of casesOf(world)) rows.push(await rowOf(ask, each, unitMs));
  process.stdout.write(
    `one row by its key: ${unitMs.toFixed(3)} ms\n${formatTable(['field', 'ms', 'units'], rows)}\n`,
  );
} finally {
  await stage.close();
}

type Ask = (query: string) => Promise<unknown>;

async function rowOf(ask: Ask, { field, query, without }: Case, unitMs: number): Promise<string[]> {
  try {
    const ms = (await timeOf(ask, query)) - (without === undefined ? 0 : await timeOf(ask, without));
    return [field, formatValue(ms), formatValue(ms / unitMs)];
  } catch (error) {
    return [field, String(error).slice(0, 200), ''];
  }
}

/** How long a request takes as a rule; one that takes long is asked a few times only. */
async function timeOf(ask: Ask, query: string): Promise<number> {
  const { ms: first } = await timed(() => ask(query));
  const times = first > LONG_MS ? TIMES_IF_LONG : TIMES;
  const ms: number[] = [];
  for (let time = 0; time < times; time++) ms.push((await timed(() => ask(query))).ms);
  return median(ms);
}

/** Asks as a caller of the big account who may do everything, without any limit. */
function asker({ engine, big }: Stage): Ask {
  const { registry, deps, settings: store, vault, log } = engine;
  const schemaDeps = {
    ...{ ...deps, log, adapters: [], settings: store, readSettings: store.toStore },
    ...{ resolveClosing: closingResolver(registry, store), vault, allowPrivateWebhooks: false },
    subscribe: async () => async () => {},
  };
  const caller = { accountId: big.accountId, scopes: new Set(SCOPES), actor: 'bench', agentId: null };
  return async (source) => {
    const contextValue = createContext(caller as never, schemaDeps as never, new AbortController().signal);
    const { data, errors } = await graphql({ schema, source, contextValue });
    if (errors) throw errors[0];
    return data;
  };
}
