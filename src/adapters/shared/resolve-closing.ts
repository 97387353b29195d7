import type { Closing, ClosingContext } from '../../domain/closing/closing.ts';
import type { ChannelSettings } from '../adapter.ts';
import type { Registry } from '../registry.ts';
import type { SettingsStore } from '../settings.ts';

/** What a customer sees at the end on a channel of an adapter, with the channel's settings as they are stored. */
export type ClosingBy = (
  adapterId: string,
  settings: object,
  context: Omit<ClosingContext<unknown>, 'settings'>,
) => Closing;

/** Asks the adapters of a registry. @throws NotFoundError for none of that id, InvalidInputError for settings it refuses */
export function closingBy(registry: Registry, store: SettingsStore): ClosingBy {
  // The settings of a channel stay the same object as long as its account's rules are kept.
  const opened = new WeakMap<object, ChannelSettings>();
  return (adapterId, stored, context) => {
    const adapter = registry.get(adapterId);
    const settings = opened.get(stored) ?? store.open(adapterId, stored);
    opened.set(stored, settings);
    return adapter.closing({ ...context, settings });
  };
}
