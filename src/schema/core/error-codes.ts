import { GraphQLError } from 'graphql';
import type { Plugin } from 'graphql-yoga';

/** The longest message of an error: GraphQL repeats what was sent in, as long as it was, in every error about it. */
const MAX_MESSAGE = 500;

/** What an answer without a body means. */
const CODE_OF: Record<number, string> = {
  404: 'NOT_FOUND',
  405: 'METHOD_NOT_ALLOWED',
  406: 'NOT_ACCEPTABLE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
};

/** Sees to it that every error has a code, and tells neither more of what was sent in than helps, nor how it was read. */
export const CODED: Plugin = {
  onRequestParse({ request, url }) {
    if (request.method === 'GET')
      for (const name of ['variables', 'extensions']) checkJson(name, url.searchParams.get(name));
  },
  onResultProcess({ result, setResult }) {
    if ('errors' in result && result.errors) setResult({ ...result, errors: result.errors.map(coded) });
  },
  onResponse({ response, setResponse, fetchAPI }) {
    // Yoga lets streams be kept until they are asked for again.
    response.headers.set('cache-control', 'no-store');
    // The rest of the body is not read, so that nothing can come after it.
    if (response.status === 413) response.headers.set('connection', 'close');
    if (response.status < 400 || response.body !== null) return;
    const code = CODE_OF[response.status] ?? 'BAD_REQUEST';
    const message = response.statusText || 'the request cannot be answered';
    const headers = new fetchAPI.Headers(response.headers);
    headers.set('content-type', 'application/json; charset=utf-8');
    const body = JSON.stringify({ errors: [{ message, extensions: { code } }] });
    setResponse(new fetchAPI.Response(body, { status: response.status, headers }));
  },
};

/** @throws GraphQLError where a parameter of a URL is given and is no JSON */
function checkJson(name: string, text: string | null): void {
  try {
    JSON.parse(text || 'null');
  } catch {
    const extensions = { code: 'BAD_REQUEST', http: { status: 400 } };
    throw new GraphQLError(`${name}: JSON is needed`, { extensions });
  }
}

/** What has no code by now is GraphQL's own: a variable or an argument that is not of its type. */
function coded(error: Error): GraphQLError {
  const { message } = error;
  const place = error instanceof GraphQLError ? error : null;
  const { originalError, ...extensions } = place?.extensions ?? {};
  // What is no JSON is no request, whatever media type its answer has.
  if (originalError !== undefined) extensions.http = { status: 400 };
  return new GraphQLError(message.length <= MAX_MESSAGE ? message : `${message.slice(0, MAX_MESSAGE)}…`, {
    ...{ nodes: place?.nodes ?? null, source: place?.source ?? null },
    ...{ positions: place?.positions ?? null, path: place?.path ?? null },
    extensions: { code: 'INVALID_INPUT', ...extensions },
  });
}
