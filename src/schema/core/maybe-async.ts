import type { GraphQLResolveInfo, SelectionSetNode } from 'graphql';

/** What a resolver may give: a value that is there already, or one to wait for. */
export type MaybeAsync<Value> = Value | Promise<Value>;

/** Goes on with a value: at once where it is there, since to wait for each field of a page costs more than the fields. */
export function soon<Value, Next>(
  value: MaybeAsync<Value>,
  next: (value: Value) => MaybeAsync<Next>,
): MaybeAsync<Next> {
  return value instanceof Promise ? value.then(next) : next(value);
}

const memo = new WeakMap<SelectionSetNode, ReadonlySet<string>>();

/** The names of all fields that are asked for within a field, at whatever depth; of a document that is kept, found once. */
export function fieldsWithin({ fieldNodes, fragments }: GraphQLResolveInfo): ReadonlySet<string> {
  const top = fieldNodes[0]?.selectionSet;
  const known = top && memo.get(top);
  if (known) return known;
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
  if (top && fieldNodes.length === 1) memo.set(top, names);
  return names;
}
