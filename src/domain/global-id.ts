/** The id of an object in the API and in webhooks: unique across all types, as in Relay. */
export function globalId(type: string, id: string): string {
  return btoa(`${type}:${id}`);
}
