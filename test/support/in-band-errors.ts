/**
 * The paths of errors inside the data of a GraphQL response: members of a union that are an error. An error has a `code`
 * if the query selects it, and no field at all if the query selects nothing of errors.
 */
export function inBandErrors(value: unknown, path = 'data'): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const entries = Object.entries(value);
  const isError = !Array.isArray(value) && (entries.length === 0 || 'code' in value);
  return [
    ...(isError ? [path] : []),
    ...entries.flatMap(([name, each]) => inBandErrors(each, `${path}.${name}`)),
  ];
}
