import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HttpServer, startHttp } from '../../src/http/server.ts';
import { type Api, HTTP_OPTIONS, openApi } from './open-api.ts';

const DESK = 'https://desk.example';

let api: Api;
let server: HttpServer;
beforeAll(async () => {
  api = await openApi();
  server = await startHttp(api.deps, {
    ...HTTP_OPTIONS,
    environment: 'development',
    corsOrigins: [DESK],
  });
});
afterAll(async () => {
  await server.close();
  await api.close();
});

const call = (init: RequestInit, path = '/graphql', at = server) => fetch(`${at.url}${path}`, init);
const preflight = (origin: string) =>
  call({ method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST' } });
const ask = (origin: string, authorization: string) =>
  call({
    method: 'POST',
    headers: { 'content-type': 'application/json', origin, authorization },
    body: '{"query":"{__typename}"}',
  });

describe('an origin that is set up (CORS)', () => {
  it('may send requests with a key, and other origins may not', async () => {
    const allowed = await preflight(DESK);
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get('access-control-allow-origin')).toBe(DESK);
    expect(allowed.headers.get('access-control-allow-headers')).toContain('authorization');
    expect(allowed.headers.get('access-control-allow-credentials')).toBeNull();
    for (const other of ['https://other.example', `${DESK}.other.example`, 'null']) {
      const refused = await preflight(other);
      expect(refused.status, other).toBe(405);
      expect(refused.headers.get('access-control-allow-origin'), other).toBeNull();
    }
  });

  it('can read answers and refusals, and other origins cannot', async () => {
    for (const authorization of [`Bearer ${api.key}`, 'Bearer x']) {
      const answer = await ask(DESK, authorization);
      expect(answer.headers.get('access-control-allow-origin')).toBe(DESK);
      expect(answer.headers.get('vary')?.toLowerCase()).toContain('origin');
      const other = await ask('https://other.example', authorization);
      expect(other.headers.get('access-control-allow-origin')).toBeNull();
    }
  });
});

describe('GraphiQL', () => {
  const html = { headers: { accept: 'text/html' } };

  it('is served in development without a key, and loads nothing from other hosts', async () => {
    const response = await call(html);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("connect-src 'self'");
    expect(policy).not.toMatch(/https?:|\*/);
    const page = await response.text();
    expect(page).toContain('renderYogaGraphiQL');
    // What stands outside of its script and style: nothing there names another place.
    const bare = page.replaceAll(/<(script|style)>[\s\S]*?<\/\1>/g, '');
    expect(bare).not.toMatch(/(src|href)="(https?:)?\/\//);
  });

  it('needs a key for its requests like any other client', async () => {
    const response = await call({ headers: { accept: 'text/html' } }, '/graphql?query={__typename}');
    expect(response.status).toBe(401);
    expect((await ask(DESK, '')).status).toBe(401);
  });

  it.each(['production', 'test'] as const)('is not served in %s', async (environment) => {
    const other = await startHttp(api.deps, { ...HTTP_OPTIONS, environment });
    expect((await call(html, '/graphql', other)).status).toBe(401);
    await other.close();
  });
});
