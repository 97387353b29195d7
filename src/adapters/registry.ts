import { createHash } from 'node:crypto';
import { InvalidInputError, NotFoundError, SetupError } from '../domain/errors.ts';
import { type Adapter, allRulesOf, type ChannelSettings } from './adapter.ts';
import { canonicalJson } from './shared/canonical-json.ts';
import { firstIssue } from './shared/first-issue.ts';

/** The adapters of this service. */
export type Registry = {
  /** @throws NotFoundError naming `adapterId` if there is no such adapter. */
  get(id: string): Adapter;
  /** All adapters, ordered by id. */
  list(): readonly Adapter[];
  /** Changes when the rules of any adapter change, and only then. A change schedules a wake of every lane. */
  rulesHash(): string;
};

/** Builds a registry. @throws SetupError if two adapters have the same id. */
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
        .update(canonicalJson(sorted.map((adapter) => ({ id: adapter.id, rules: allRulesOf(adapter) }))))
        .digest('hex'),
  };
}

/**
 * Parses a channel's settings by its adapter's schema.
 * @throws InvalidInputError naming the invalid setting, such as `settings.secret`, and never containing its value.
 */
export function parseSettings(adapter: Adapter, input: unknown): ChannelSettings {
  const result = adapter.settings.safeParse(input);
  if (result.success) return result.data as ChannelSettings;
  const { field, allowed } = firstIssue(result.error, 'settings');
  throw new InvalidInputError(field, allowed);
}
