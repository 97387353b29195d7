import { serverAudits } from 'graphql-http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Api, openApi } from './open-api.ts';

let api: Api;
beforeAll(async () => {
  api = await openApi();
});
afterAll(() => api.close());

const audits = serverAudits({
  url: () => `${api.server.url}/graphql`,
  fetchFn: (url: string, init: RequestInit = {}) =>
    fetch(url, {
      ...init,
      headers: { ...(init.headers as Record<string, string>), authorization: `Bearer ${api.key}` },
    }),
});

describe('GraphQL over HTTP', () => {
  it('is tested by audits of all three strengths', () => {
    const strengths = new Set(audits.map(({ name }) => name.split(' ')[0]));
    expect([...strengths].sort()).toEqual(['MAY', 'MUST', 'SHOULD']);
    expect(audits.length).toBeGreaterThan(50);
  });

  // An audit that is only advised and not followed answers `warn`, one that must be and is not `error`.
  it.each(audits)('$id $name', async ({ fn }) => {
    const result = await fn();
    expect(result).toMatchObject({ status: 'ok' });
  });
});
