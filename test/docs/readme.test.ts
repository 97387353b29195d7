import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Api, openApi } from '../http/open-api.ts';
import { inBandErrors } from '../support/in-band-errors.ts';

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
const snippets = [...readme.matchAll(/```graphql\n([\s\S]*?)```/g)].map(([, code]) => code as string);
const inCommand = [...readme.matchAll(/-d '(\{"query".*\})'/g)].map(([, body]) => body as string);
const inline = [...readme.matchAll(/`(\{ \w+ \{.*?\} \})`/g)].map(([, code]) => code as string);

let api: Api;
beforeAll(async () => {
  api = await openApi(new Date('2026-11-20T13:00:30Z'));
});
afterAll(() => api.close());

describe('the README', () => {
  it('shows exactly the requests that this test runs', () => {
    expect([snippets.length, inCommand.length, inline.length]).toEqual([3, 1, 2]);
  });

  it.each(snippets)('shows a request that succeeds: %s', async (query) => {
    const variables = query.includes('$channel') ? { channel: api.channel } : {};
    const answer = await api.ask(query, variables);
    expect(answer.errors).toBeUndefined();
    const text = JSON.stringify(answer.data);
    expect(inBandErrors(answer.data)).toEqual([]);
    if (query.includes('recordActivities')) expect(text.match(/"APPLIED"/g)).toHaveLength(2);
    if (query.includes('setPolicy')) expect(text).toContain('"scope":"ACCOUNT"');
  });

  it.each([...inCommand, ...inline.map((query) => JSON.stringify({ query }))])(
    'shows a command whose request succeeds: %s',
    async (body) => {
      const response = await api.post(body);
      expect(response.status).toBe(200);
      const answer = await response.json();
      expect(answer).toEqual({ data: expect.anything() });
      expect(inBandErrors(answer.data)).toEqual([]);
    },
  );
});
