import type { ChannelRules } from '../domain/policy/channel-rules.ts';
import type { Registry } from './registry.ts';
import { settingsSchemaOf } from './settings.ts';

/** An adapter as clients see it: what its channels can do, and by what a form for their settings can be drawn. */
export type AdapterDescription = {
  id: string;
  name: string;
  rules: ChannelRules;
  /** The rules that hold instead where a setting has a value. */
  variants: readonly { setting: string; value: string; rules: ChannelRules }[];
  /** The setting without which nothing is sent to customers; null: it is always sent. */
  sendsBy: string | null;
  /** The JSON Schema of the settings, as they are given. */
  settingsSchema: Record<string, unknown>;
};

/** Every adapter of a registry, by id. */
export function catalogueOf(registry: Registry): readonly AdapterDescription[] {
  return registry.list().map((adapter) => {
    const { id, name, rules, variants, sendsBy = null } = adapter;
    const of = Object.entries(variants?.of ?? {});
    return {
      id,
      name,
      rules,
      variants: of.map(([value, rules]) => ({ setting: variants?.setting ?? '', value, rules })),
      sendsBy,
      settingsSchema: settingsSchemaOf(adapter),
    };
  });
}
