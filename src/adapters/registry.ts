import { createHash } from 'node:crypto';
import { InvalidInputError, NotFoundError, SetupError } from '../domain/errors.ts';
import { type Adapter, allRulesOf, type ChannelSettings } from './adapter.ts';
import { canonical } from './shared/canonical-json.ts';
import { firstFault } from './shared/invalid.ts';

/** The adapters of this service. */
export type Registry = {
  /** @throws NotFoundError naming `adapterId`. */
  get(id: string): Adapter;
  /** All, by id. */
  list(): readonly Adapter[];
  /** Changes with any adapter's rules and with nothing else; after a change, every lane is armed anew. */
  rulesHash(): string;
};

/** Gathers adapters. @throws SetupError where two have one id. */
export function createRegistry(adapters: readonly Adapter[]): Registry {
  const byId = new Map<string, Adapter>();
  for (const adapter of adapters) {
    if (byId.has(adapter.id)) throw new SetupError(`two adapters have the id ${adapter.id}`);
    byId.set(adapter.id, adapter);
  }
  const sorted = [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  return {
    get(id) {
      const adapter = byId.get(id);
      if (!adapter) throw new NotFoundError('adapterId', 'adapter');
      return adapter;
    },
    list: () => sorted,
    rulesHash: () =>
      createHash('sha256')
        .update(canonical(sorted.map((adapter) => ({ id: adapter.id, rules: allRulesOf(adapter) }))))
        .digest('hex'),
  };
}

/**
 * Reads a channel's settings by its adapter's schema.
 * @throws InvalidInputError whose field names the bad setting (`settings.secret`), and which never holds its value.
 */
export function parseSettings(adapter: Adapter, input: unknown): ChannelSettings {
  const result = adapter.settings.safeParse(input);
  if (result.success) return result.data as ChannelSettings;
  const { field, allowed } = firstFault(result.error, 'settings');
  throw new InvalidInputError(field, allowed);
}
