import { z } from 'zod';
import { InvalidInputError, SecretsNeededError } from '../domain/errors.ts';
import type { Adapter, ChannelSettings } from './adapter.ts';
import { parseSettings, type Registry } from './registry.ts';
import { isSealed, type Vault } from './vault.ts';

/** Converts channel settings between their stored form, in which secrets are encrypted, and the form that adapters use. */
export type SettingsStore = {
  /**
   * Merges given settings into the stored ones, parses them by the adapter's schema, and returns the form to store. A
   * null removes a setting. If a destination changes, every secret must be given anew.
   * @throws NotFoundError naming `adapterId`; InvalidInputError naming the setting, never its value; SecretsNeededError
   * naming the destination and the secrets
   */
  toStore(adapterId: string, given: object, stored?: object): object;
  /** Returns settings with decrypted secrets. @throws NotFoundError; InvalidInputError if the schema rejects them by now */
  open(adapterId: string, stored: object): ChannelSettings;
  /** Returns the settings without secrets. @throws NotFoundError naming `adapterId` */
  shown(adapterId: string, stored: object): Record<string, unknown>;
};

/** Makes a settings store that encrypts secrets by a vault. Destinations are checked when they change, by `checkDestination`. */
export function openSettingsStore(
  registry: Registry,
  vault: Vault,
  /** Rejects a URL that Lull must not send to. @throws InvalidInputError naming `field` */
  checkDestination: (url: string, field: string) => unknown,
): SettingsStore {
  const opened = (stored: object) => mapTexts(stored, (text) => (isSealed(text) ? vault.open(text) : text));
  return {
    toStore(adapterId, given, stored = {}) {
      const adapter = registry.get(adapterId);
      const secrets = secretsOf(adapter);
      refuseSealed(given);
      const before = opened(stored) as NamedSettings;
      const all = Object.entries({ ...before, ...given }).filter(([, value]) => value !== null);
      const read = parseSettings(adapter, Object.fromEntries(all)) as NamedSettings;
      const moved = movedDestinations(adapter, before, read);
      // A part of a URL, such as the name of a tenant, is checked when a message is sent.
      for (const name of moved)
        if (URL.canParse(read[name] as string)) checkDestination(read[name] as string, `settings.${name}`);
      requireSecrets(moved, secretsKept(secrets, before, given as NamedSettings));
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

type NamedSettings = Readonly<Record<string, unknown>>;

/**
 * The destinations whose value changes, including changes to or from a default. If the schema no longer accepts the
 * previous settings, every destination counts as changed.
 */
function movedDestinations(adapter: Adapter, before: NamedSettings, after: NamedSettings): string[] {
  const previous = adapter.settings.safeParse(before).data as NamedSettings | undefined;
  return destinationsOf(adapter).filter(
    (name) => after[name] !== undefined && after[name] !== previous?.[name],
  );
}

/** The stored secrets that are not given anew: a caller who sets a destination may not know them. */
function secretsKept(secrets: readonly string[], before: NamedSettings, given: NamedSettings): string[] {
  return secrets.filter((name) => before[name] !== undefined && given[name] === undefined);
}

/** @throws SecretsNeededError */
function requireSecrets([destination]: readonly string[], kept: readonly string[]): void {
  if (destination === undefined || kept.length === 0) return;
  throw new SecretsNeededError(
    `settings.${destination}`,
    kept.map((name) => `settings.${name}`),
  );
}

/** The settings that the schema marks as secrets. */
export function secretsOf(adapter: Pick<Adapter, 'settings'>): string[] {
  return markedOf(adapter, 'writeOnly');
}

/** The settings that the schema marks as destinations. */
export function destinationsOf(adapter: Pick<Adapter, 'settings'>): string[] {
  return markedOf(adapter, 'destination');
}

function markedOf(adapter: Pick<Adapter, 'settings'>, mark: 'writeOnly' | 'destination'): string[] {
  const { properties = {} } = settingsSchemaOf(adapter);
  return Object.keys(properties).filter(
    (name) => (properties[name] as { [mark in string]?: unknown })[mark] === true,
  );
}

/** The JSON Schema of an adapter's settings as clients give them, from which a form can be generated. */
export function settingsSchemaOf({ settings }: Pick<Adapter, 'settings'>): z.core.JSONSchema.JSONSchema {
  return z.toJSONSchema(settings, { io: 'input', unrepresentable: 'any' });
}

/** Marks a setting as a secret: it is stored encrypted, and the API never returns it. */
export function secret<Schema extends z.ZodType>(schema: Schema): Schema {
  return schema.meta({ ...schema.meta(), writeOnly: true });
}

/**
 * Marks a setting as a destination: a URL that messages and secrets are sent to, or a part of one. Changing it requires
 * every secret of the channel in the same call, so that nobody can redirect stored secrets to their own server.
 */
export function destination<Schema extends z.ZodType>(schema: Schema): Schema {
  return schema.meta({ ...schema.meta(), destination: true });
}

/** Rejects encrypted texts, which may be copied from another channel. @throws InvalidInputError naming the setting */
function refuseSealed(settings: object): void {
  for (const [name, value] of Object.entries(settings))
    if (typeof value === 'string' && isSealed(value))
      throw new InvalidInputError(`settings.${name}`, 'a text without the prefix sealed:v1: is allowed');
}

function mapTexts(object: object, map: (text: string, name: string) => string): object {
  return Object.fromEntries(
    Object.entries(object).map(([name, value]) => [
      name,
      typeof value === 'string' ? map(value, name) : value,
    ]),
  );
}
