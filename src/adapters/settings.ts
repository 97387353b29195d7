import { z } from 'zod';
import { InvalidInputError, SecretsNeededError } from '../domain/errors.ts';
import type { Adapter, ChannelSettings } from './adapter.ts';
import { parseSettings, type Registry } from './registry.ts';
import { isSealed, type Vault } from './vault.ts';

/** Channels' settings between the database, where secrets are sealed, and the adapters, which need them as they are. */
export type SettingsStore = {
  /**
   * Reads settings that somebody has given, over those that are stored, by the adapter's schema: as they are to be
   * stored. One that is null goes. Where a destination moves, each secret has to be among those that are given.
   * @throws NotFoundError naming `adapterId`; InvalidInputError naming the setting, never its value; SecretsNeededError
   * naming the destination and the secrets
   */
  toStore(adapterId: string, given: object, stored?: object): object;
  /** Settings as an adapter takes them. @throws NotFoundError, InvalidInputError where its schema has changed since */
  open(adapterId: string, stored: object): ChannelSettings;
  /** What of the settings anybody may see: all but the secrets. @throws NotFoundError naming `adapterId` */
  shown(adapterId: string, stored: object): Record<string, unknown>;
};

/** Refuses an address that may not be sent to. @throws InvalidInputError naming `field` */
export type CheckDestination = (text: string, field: string) => unknown;

/** Keeps the secrets of settings in a vault. A destination is checked when it is set, and not when it stays. */
export function openSettingsStore(
  registry: Registry,
  vault: Vault,
  checkDestination: CheckDestination,
): SettingsStore {
  const opened = (stored: object) => mapTexts(stored, (text) => (isSealed(text) ? vault.open(text) : text));
  return {
    toStore(adapterId, given, stored = {}) {
      const adapter = registry.get(adapterId);
      const secrets = secretsOf(adapter);
      refuseSealed(given);
      const before = opened(stored) as Named;
      const all = Object.entries({ ...before, ...given }).filter(([, value]) => value !== null);
      const read = parseSettings(adapter, Object.fromEntries(all)) as Named;
      const moved = movedDestinations(adapter, before, read);
      // What is a part of an address, such as the name of a tenant, is looked at when something is sent.
      for (const name of moved)
        if (URL.canParse(read[name] as string)) checkDestination(read[name] as string, `settings.${name}`);
      requireSecrets(moved, secretsKept(secrets, before, given as Named));
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

type Named = Readonly<Record<string, unknown>>;

/**
 * The destinations that settings lead to and that those before them did not: also where a default took the place of
 * what was set, or the other way round. Settings that the adapter no longer takes led nowhere.
 */
function movedDestinations(adapter: Adapter, before: Named, after: Named): string[] {
  const led = adapter.settings.safeParse(before).data as Named | undefined;
  return destinationsOf(adapter).filter((name) => after[name] !== undefined && after[name] !== led?.[name]);
}

/** The secrets that are there already and are not given: whoever sets a destination may not know them. */
function secretsKept(secrets: readonly string[], before: Named, given: Named): string[] {
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

/** Settings that a schema marks as secrets: those that can be written and not read. */
export function secretsOf(adapter: Pick<Adapter, 'settings'>): string[] {
  return markedOf(adapter, 'writeOnly');
}

/** Settings that a schema marks as destinations: those that say where secrets are sent. */
export function destinationsOf(adapter: Pick<Adapter, 'settings'>): string[] {
  return markedOf(adapter, 'destination');
}

function markedOf(adapter: Pick<Adapter, 'settings'>, mark: 'writeOnly' | 'destination'): string[] {
  const { properties = {} } = settingsSchemaOf(adapter);
  return Object.keys(properties).filter(
    (name) => (properties[name] as { [mark in string]?: unknown })[mark] === true,
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

/**
 * A setting that says where messages, and secrets with them, are sent: a URL or a part of one. Whoever sets it to another gives the
 * channel's secrets anew in the same call, so that nobody can have them sent to a place of their own.
 */
export function destination<Schema extends z.ZodType>(schema: Schema): Schema {
  return schema.meta({ ...schema.meta(), destination: true });
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
