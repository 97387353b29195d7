import { z } from 'zod';
import { SetupError } from '../domain/errors.ts';
import { type ChannelRules, TIMER_KINDS } from '../domain/policy/channel-rules.ts';
import { toMilliseconds } from '../domain/time/duration.ts';
import type { Adapter } from './adapter.ts';
import { unsampledContract } from './contract/contract.ts';
import { settingsSchemaOf } from './settings.ts';
import { firstIssue } from './shared/first-issue.ts';

/** A module of `LULL_ADAPTERS`: its configured name and its default export. */
export type AdapterModule = { name: string; exported: unknown };

/**
 * Checks and returns the adapters of modules: their form, the contract cases that need no samples, and that no two
 * adapters have the same id.
 * @throws SetupError naming the module, and the failed case or the other owner of the id
 */
export async function adaptersOf(
  modules: readonly AdapterModule[],
  builtIn: readonly Adapter[],
): Promise<Adapter[]> {
  const owners = new Map(builtIn.map(({ id }) => [id, 'Lull itself']));
  const adapters: Adapter[] = [];
  for (const { name, exported } of modules)
    for (const value of Array.isArray(exported) ? exported : [exported]) {
      const adapter = await checkAdapter(name, value);
      const owner = owners.get(adapter.id);
      if (owner !== undefined)
        throw new SetupError(`two adapters have the id ${adapter.id}: one of ${owner}, one of ${name}`);
      owners.set(adapter.id, name);
      adapters.push(adapter);
    }
  return adapters;
}

const method = z.custom((value) => typeof value === 'function', 'a function');
const schema = z.custom((value) => typeof (value as z.ZodType | null)?.safeParse === 'function', {
  error: 'a schema made with z',
});
const duration = z.custom(isDuration, "a duration, such as duration('PT24H')");
const words = z.array(z.string());

const rules = z.strictObject({
  bounds: z.partialRecord(
    z.enum(TIMER_KINDS),
    z.strictObject({ min: duration, max: duration }).nullable().optional(),
  ),
  canReopen: z.boolean(),
  businessInitiated: z.boolean(),
  newSessionOnAgentMessage: z.boolean(),
  sessions: z
    .strictObject({ tier: z.enum(['STANDARD', 'ENHANCED']), agentInitiated: z.boolean() })
    .optional(),
  replyWindow: duration.nullable(),
  textLimits: z.strictObject({ closeMessage: z.int() }),
  idempotentSends: z.boolean(),
  optOutWords: words,
  optInWords: words,
  helpWords: words,
} satisfies Record<keyof ChannelRules, z.ZodType>);

const form = z.strictObject({
  id: z.string(),
  name: z.string(),
  settings: schema,
  rules,
  variants: z.strictObject({ setting: z.string(), of: z.record(z.string(), rules) }).optional(),
  sendsBy: z.string().optional(),
  closing: method,
  inbound: z.strictObject({
    undated: z.literal(true).optional(),
    unsigned: z.literal(true).optional(),
    verify: method,
    parse: method,
    handshake: method.optional(),
    acknowledge: method.optional(),
  } satisfies Record<keyof Adapter['inbound'], z.ZodType>),
  deliver: method,
} satisfies Record<keyof Adapter, z.ZodType>);

/** @throws SetupError */
async function checkAdapter(module: string, value: unknown): Promise<Adapter> {
  if (typeof value !== 'object' || value === null)
    throw new SetupError(
      `${module}: its default export is not an adapter: use export default defineAdapter({…})`,
    );
  const read = form.safeParse(value);
  if (read.error) {
    const { field, allowed } = firstIssue(read.error, 'adapter');
    throw new SetupError(`${module}: ${field}: ${allowed}`);
  }
  const adapter = value as Adapter;
  for (const { name, run } of [...unsampledContract(adapter), settingsExist(adapter)])
    try {
      await run();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new SetupError(`${module}: the adapter ${adapter.id} breaks the contract: "${name}": ${why}`);
    }
  return adapter;
}

/** The core reads these settings from storage, so the schema must have them. */
function settingsExist(adapter: Adapter) {
  return {
    name: 'has the settings that sendsBy and variants name',
    async run() {
      const { properties = {} } = settingsSchemaOf(adapter);
      for (const setting of [adapter.sendsBy, adapter.variants?.setting])
        if (setting !== undefined && !Object.hasOwn(properties, setting))
          throw new Error(`there is no setting ${setting}`);
    },
  };
}

/** Accepts durations of another copy of the Temporal polyfill too. */
function isDuration(value: unknown): boolean {
  try {
    return Number.isFinite(toMilliseconds(value as Parameters<typeof toMilliseconds>[0]));
  } catch {
    return false;
  }
}
