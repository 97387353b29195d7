import type { Closing, ClosingContext } from '../../domain/closing/closing.ts';
import type { ChannelSettings } from '../adapter.ts';
import type { Registry } from '../registry.ts';
import type { SettingsStore } from '../settings.ts';

/**
 * Decides what a customer sees when a conversation ends, by the adapter's id and the channel's stored settings.
 * @throws NotFoundError for an unknown adapter, InvalidInputError if the adapter rejects the settings
 */
export type ResolveClosing = (
  adapterId: string,
  settings: object,
  context: Omit<ClosingContext<unknown>, 'settings'>,
) => Closing;

/** Makes the resolver of a registry, which parses the settings of each channel once. */
export function closingResolver(registry: Registry, store: SettingsStore): ResolveClosing {
  // A channel's stored settings stay the same object for as long as its account's rules are cached.
  const parsed = new WeakMap<object, ChannelSettings>();
  return (adapterId, stored, context) => {
    const settings = parsed.get(stored) ?? store.open(adapterId, stored);
    parsed.set(stored, settings);
    return registry.get(adapterId).closing({ ...context, settings });
  };
}
