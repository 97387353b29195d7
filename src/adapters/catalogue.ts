import type { ChannelRules } from '../domain/policy/channel-rules.ts';
import type { Registry } from './registry.ts';
import { settingsSchemaOf } from './settings.ts';

/** An adapter as API clients see it: the capabilities of its channels and the schema of their settings. */
export type AdapterDescription = {
  id: string;
  name: string;
  rules: ChannelRules;
  /** The rules that replace `rules` for a value of a setting. */
  variants: readonly { setting: string; value: string; rules: ChannelRules }[];
  /** The setting without which Lull sends nothing; null: it always sends. */
  sendsBy: string | null;
  /** The JSON Schema of the settings as clients give them. */
  settingsSchema: Record<string, unknown>;
};

/** Every adapter of a registry, ordered by id. */
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
