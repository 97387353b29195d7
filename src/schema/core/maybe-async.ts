import type { GraphQLResolveInfo, SelectionSetNode } from 'graphql';

/** A value that is available now, or a promise of it. */
export type MaybeAsync<Value> = Value | Promise<Value>;

/** Calls `next` with the value, synchronously if it is available: a promise for each field of a page costs more than the fields. */
export function chain<Value, Next>(
  value: MaybeAsync<Value>,
  next: (value: Value) => MaybeAsync<Next>,
): MaybeAsync<Next> {
  return value instanceof Promise ? value.then(next) : next(value);
}

const known = new WeakMap<SelectionSetNode, ReadonlySet<string>>();

/** The names of all fields selected within a field, at any depth. Yoga caches documents, so each is walked once. */
export function fieldsWithin({ fieldNodes, fragments }: GraphQLResolveInfo): ReadonlySet<string> {
  const top = fieldNodes[0]?.selectionSet;
  const found = top && known.get(top);
  if (found) return found;
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
  if (top && fieldNodes.length === 1) known.set(top, names);
  return names;
}
