import { type Adapter, channelSetup } from '../adapters/adapter.ts';
import { BUILT_IN } from '../adapters/built-in.ts';
import { createRegistry } from '../adapters/registry.ts';
import { ownWireRules } from '../adapters/shared/own-wire.ts';
import { readConfig } from '../config.ts';
import type { Database } from '../db/client.ts';
import { SetupError } from '../domain/errors.ts';
import type { AccountRules } from '../domain/policy/account-rules.ts';
import { openRulesCache } from '../rules/rules-cache.ts';
import { loadAdapters } from '../start/load-adapters.ts';
import { cell, printNote } from './terminal.ts';

/** An account's rules, as far as the adapters that load tell. */
export type KnownRules = {
  rules: AccountRules;
  /** The adapter of a channel if it did not load: the timers of its conversations are unknown. Null if it did. */
  missingAdapter: (channelId: string) => string | null;
};

/**
 * Reads the rules of an account. An adapter of one's own that is broken or not named stops no command that only reads: a
 * note on stderr says so.
 */
export async function readKnownRules({ sql }: Database, accountId: string): Promise<KnownRules> {
  const registry = createRegistry([...BUILT_IN, ...(await loadAdaptersThatWork())]);
  const loaded = new Set(registry.list().map(({ id }) => id));
  // The rules of a missing adapter are never shown; these only let the account's other rules be read.
  const unknown = { rules: ownWireRules, sends: false };
  const cache = openRulesCache(sql, (adapter, settings) =>
    loaded.has(adapter) ? channelSetup(registry.get(adapter), settings) : unknown,
  );
  const rules = await cache.newest(accountId);
  return {
    rules,
    missingAdapter(channelId) {
      const adapterId = rules.channels.get(channelId)?.adapterId;
      return adapterId === undefined || loaded.has(adapterId) ? null : adapterId;
    },
  };
}

async function loadAdaptersThatWork(): Promise<Adapter[]> {
  const adapters: Adapter[] = [];
  for (const name of readConfig().adapterModules)
    try {
      adapters.push(...(await loadAdapters([name], [...BUILT_IN, ...adapters])));
    } catch (error) {
      if (!(error instanceof SetupError)) throw error;
      printNote(`warning: ${cell(error.message)}\n`);
    }
  return adapters;
}
