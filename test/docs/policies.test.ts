import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Api, openApi } from '../http/open-api.ts';
import { inBandErrors } from '../support/in-band-errors.ts';

const page = readFileSync(new URL('../../docs/policies.md', import.meta.url), 'utf8');
const REQUEST = /<!-- ([\w-]+) -->\n```graphql\n([\s\S]*?)```\n(?:\n```json\n([\s\S]*?)```\n)?/g;
const requests = [...page.matchAll(REQUEST)].map(([, name, query, answer]) => ({
  name: name as string,
  query: query as string,
  answer: answer ?? null,
}));

let api: Api;
beforeAll(async () => {
  api = await openApi(new Date('2026-11-20T10:00:00Z'));
});
afterAll(() => api.close());

describe('docs/policies.md', () => {
  it('shows exactly the requests that this test runs', () => {
    expect(requests).toHaveLength((page.match(/```graphql/g) ?? []).length);
  });

  it.each(requests)('$name: the request does what the page describes', async ({ query, answer }) => {
    const variables = Object.entries({ channel: api.channel, skill: api.sales }).filter(([name]) =>
      query.includes(`$${name}:`),
    );
    const { data, errors } = await api.ask(query, Object.fromEntries(variables));
    expect(errors).toBeUndefined();
    if (answer !== null) expect({ data }).toEqual(JSON.parse(answer));
    else expect(inBandErrors(data)).toEqual([]);
  });
});
