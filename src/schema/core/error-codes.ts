import { GraphQLError } from 'graphql';
import type { Plugin } from 'graphql-yoga';

/** Characters of an error message. GraphQL repeats the input in its messages, whatever its length. */
const MAX_MESSAGE = 500;

/** Error codes for responses that Yoga sends without a body. */
const CODE_OF: Record<number, string> = {
  404: 'NOT_FOUND',
  405: 'METHOD_NOT_ALLOWED',
  406: 'NOT_ACCEPTABLE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
};

/** Gives every error a code, shortens its message and removes the parser's own details. */
export const ERROR_CODES: Plugin = {
  onRequestParse({ request, url }) {
    if (request.method === 'GET')
      for (const name of ['variables', 'extensions']) checkJson(name, url.searchParams.get(name));
  },
  onResultProcess({ result, setResult }) {
    if ('errors' in result && result.errors) setResult({ ...result, errors: result.errors.map(coded) });
  },
  onResponse({ response, setResponse, fetchAPI }) {
    // Yoga's own header allows caches to store streams.
    response.headers.set('cache-control', 'no-store');
    // The rest of the body stays unread, so the connection cannot carry another request.
    if (response.status === 413) response.headers.set('connection', 'close');
    if (response.status < 400 || response.body !== null) return;
    const code = CODE_OF[response.status] ?? 'BAD_REQUEST';
    const message = response.statusText || 'malformed request: send a GraphQL query as JSON by POST';
    const headers = new fetchAPI.Headers(response.headers);
    headers.set('content-type', 'application/json; charset=utf-8');
    const body = JSON.stringify({ errors: [{ message, extensions: { code } }] });
    setResponse(new fetchAPI.Response(body, { status: response.status, headers }));
  },
};

/** @throws GraphQLError if a URL parameter is present and is not JSON */
function checkJson(name: string, text: string | null): void {
  try {
    JSON.parse(text || 'null');
  } catch {
    const extensions = { code: 'BAD_REQUEST', http: { status: 400 } };
    throw new GraphQLError(`${name}: valid JSON is required`, { extensions });
  }
}

/** An error without a code comes from GraphQL itself: a variable or argument of the wrong type. */
function coded(error: Error): GraphQLError {
  const { message } = error;
  const place = error instanceof GraphQLError ? error : null;
  const { originalError, ...extensions } = place?.extensions ?? {};
  // A body that is not JSON is a bad request, whatever media type the client accepts.
  if (originalError !== undefined) extensions.http = { status: 400 };
  return new GraphQLError(message.length <= MAX_MESSAGE ? message : `${message.slice(0, MAX_MESSAGE)}…`, {
    ...{ nodes: place?.nodes ?? null, source: place?.source ?? null },
    ...{ positions: place?.positions ?? null, path: place?.path ?? null },
    extensions: { code: 'INVALID_INPUT', ...extensions },
  });
}
