import { z } from 'zod';
import { InvalidInputError } from '../domain/errors.ts';
import type { Adapter, ChannelSettings } from './adapter.ts';
import { parseSettings, type Registry } from './registry.ts';
import { isSealed, type Vault } from './vault.ts';

/** Channels' settings between the database, where secrets are sealed, and the adapters, which need them as they are. */
export type SettingsStore = {
  /**
   * Reads settings that somebody has given, over those that are stored, by the adapter's schema: as they are to be
   * stored. One that is null goes.
   * @throws NotFoundError naming `adapterId`; InvalidInputError naming the setting, never its value
   */
  toStore(adapterId: string, given: object, stored?: object): object;
  /** Settings as an adapter takes them. @throws NotFoundError, InvalidInputError where its schema has changed since */
  open(adapterId: string, stored: object): ChannelSettings;
  /** What of the settings anybody may see: all but the secrets. @throws NotFoundError naming `adapterId` */
  shown(adapterId: string, stored: object): Record<string, unknown>;
};

/** Keeps the secrets of settings in a vault. */
export function openSettingsStore(registry: Registry, vault: Vault): SettingsStore {
  const opened = (stored: object) => mapTexts(stored, (text) => (isSealed(text) ? vault.open(text) : text));
  return {
    toStore(adapterId, given, stored = {}) {
      const adapter = registry.get(adapterId);
      const secrets = secretsOf(adapter);
      refuseSealed(given);
      const all = Object.entries({ ...opened(stored), ...given }).filter(([, value]) => value !== null);
      const read = parseSettings(adapter, Object.fromEntries(all));
      return mapTexts(read, (text, name) => (secrets.includes(name) ? vault.seal(text) : text));
    },
    open: (adapterId, stored) => parseSettings(registry.get(adapterId), opened(stored)),
    shown(adapterId, stored) {
      const secrets = secretsOf(registry.get(adapterId));
      const isShown = ([name, value]: [string, unknown]) =>
        !secrets.includes(name) && !(typeof value === 'string' && isSealed(value));
      return Object.fromEntries(Object.entries(stored).filter(isShown));
    },
  };
}

/** Settings that a schema marks as secrets: those that can be written and not read. */
export function secretsOf({ settings }: Pick<Adapter, 'settings'>): string[] {
  const { properties = {} } = settingsSchemaOf({ settings });
  return Object.keys(properties).filter(
    (name) => (properties[name] as { writeOnly?: boolean }).writeOnly === true,
  );
}

/** The JSON Schema of an adapter's settings, as they are given: by which a form can be drawn. */
export function settingsSchemaOf({ settings }: Pick<Adapter, 'settings'>): z.core.JSONSchema.JSONSchema {
  return z.toJSONSchema(settings, { io: 'input', unrepresentable: 'any' });
}

/** A secret: kept encrypted, and never to be read through the API. */
export function secret<Schema extends z.ZodType>(schema: Schema): Schema {
  return schema.meta({ ...schema.meta(), writeOnly: true });
}

/** Nobody may hand in what a vault gave: it could be another's. @throws InvalidInputError naming the setting */
function refuseSealed(settings: object): void {
  for (const [name, value] of Object.entries(settings))
    if (typeof value === 'string' && isSealed(value))
      throw new InvalidInputError(
        `settings.${name}`,
        'a text that does not begin like a sealed one is allowed',
      );
}

function mapTexts(object: object, map: (text: string, name: string) => string): object {
  return Object.fromEntries(
    Object.entries(object).map(([name, value]) => [
      name,
      typeof value === 'string' ? map(value, name) : value,
    ]),
  );
}
