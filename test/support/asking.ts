// biome-ignore lint/suspicious/noExplicitAny: answers have the shape their query asks for
type Answer = any;

/** Asks the API of a service; the answer's data. Fails where there are errors. */
export async function ask(
  url: string | null,
  key: string,
  query: string,
  variables: object = {},
): Promise<Answer> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = (await response.json()) as { data: unknown; errors?: unknown };
  if (errors !== undefined) throw new Error(JSON.stringify(errors));
  return data;
}
