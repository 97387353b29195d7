import type { GraphQLResolveInfo, SelectionSetNode } from 'graphql';

/** The names of all fields selected within a field, at any depth. */
export function fieldsWithin({ fieldNodes, fragments }: GraphQLResolveInfo): ReadonlySet<string> {
  const names = new Set<string>();
  const seen = new Set<string>();
  const walk = (selected: SelectionSetNode | undefined): void => {
    for (const each of selected?.selections ?? []) {
      if (each.kind === 'FragmentSpread') {
        if (seen.has(each.name.value)) continue;
        seen.add(each.name.value);
        walk(fragments[each.name.value]?.selectionSet);
        continue;
      }
      if (each.kind === 'Field') names.add(each.name.value);
      walk(each.selectionSet);
    }
  };
  for (const node of fieldNodes) walk(node.selectionSet);
  return names;
}
