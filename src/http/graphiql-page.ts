import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * The content security policy: the page runs its own scripts and calls this server. It loads nothing from
 * elsewhere.
 */
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
 * Makes the handler that serves GraphiQL, for exploring the API in a browser. Its requests need a key in their
 * headers. Null if its package, a development dependency, is not installed.
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
