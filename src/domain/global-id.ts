/** The id by which clients know a thing: unique over all types, as Relay has it. Webhooks carry the same ids. */
export function globalId(type: string, id: string): string {
  return btoa(`${type}:${id}`);
}
