import type { IncomingMessage, ServerResponse } from 'node:http';

/** What the page may do: run what stands in it, and ask this server. Nothing can be loaded from elsewhere. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'unsafe-inline' 'unsafe-eval' blob:",
  "style-src 'unsafe-inline'",
  'img-src data:',
  'font-src data:',
  'worker-src blob:',
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/**
 * Makes what serves GraphiQL, to explore the API in a browser; what is asked there needs a key, given in its headers.
 * Null where its package, which only those who work on Lull have, is not installed.
 */
export async function openPage(
  endpoint: string,
): Promise<((request: IncomingMessage, response: ServerResponse) => boolean) | null> {
  const renderGraphiQL = await loadRenderer();
  if (renderGraphiQL === null) return null;
  return ({ method, headers, url }, response) => {
    if (method !== 'GET' || url !== endpoint || !headers.accept?.includes('text/html')) return false;
    response.writeHead(200, {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': CONTENT_SECURITY_POLICY,
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    });
    response.end(
      renderGraphiQL({
        title: 'Lull',
        endpoint,
        headers: JSON.stringify({ authorization: 'Bearer ' }, null, 2),
        shouldPersistHeaders: false,
      }),
    );
    return true;
  };
}

async function loadRenderer() {
  try {
    return (await import('@graphql-yoga/render-graphiql')).renderGraphiQL;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') return null;
    throw error;
  }
}
