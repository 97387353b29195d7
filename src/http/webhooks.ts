import type { IncomingMessage, ServerResponse } from 'node:http';
import type {
  Adapter,
  AdapterContext,
  ChannelSettings,
  InboundReply,
  InboundRequest,
} from '../adapters/adapter.ts';
import type { Registry } from '../adapters/registry.ts';
import type { SettingsStore } from '../adapters/settings.ts';
import { InvalidInputError, LullError } from '../domain/errors.ts';
import { isUuid } from '../domain/uuid.ts';
import { channelOfWebhook } from '../lifecycle/channels.ts';
import { receive } from '../lifecycle/inbound.ts';
import type { LifecycleDeps } from '../lifecycle/lifecycle.ts';
import type { Log } from '../log.ts';
import { send, sendError } from './answer.ts';
import { readBody } from './body.ts';
import { type Door, inTurn } from './overload.ts';

/** What providers' calls are answered with. */
export type WebhookDeps = LifecycleDeps & { log: Log; registry: Registry; settings: SettingsStore };

/** The longest body a provider may send. */
const MAX_BYTES = 1024 * 1024;
const READ_WITHIN_MS = 15_000;
const PATH = /^\/webhooks\/([^/?]+)\/([^/?]+)\/?$/;

/** Whether a path is one that providers call. */
export function isWebhookPath(path: string): boolean {
  return path.startsWith('/webhooks/');
}

/**
 * Answers providers' calls to `/webhooks/:accountId/:channelId` (DESIGN §4): the channel's adapter makes sure that a
 * call is genuine and reads it, and its events are recorded. 2xx only once they are committed; 401 where the call is
 * not genuine; 400 where it cannot be read; 5xx where it should be made again.
 */
export function openWebhooks(
  deps: WebhookDeps & { door: Door },
  publicUrl: string | null,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  return async (request, response) => {
    const { method = 'GET', url = '/' } = request;
    const path = url.split('?')[0] ?? '/';
    const [, accountId = '', channelId = ''] = PATH.exec(path) ?? [];
    const found = await inTurn(deps.door, response, async () =>
      isUuid(accountId) && isUuid(channelId) ? await channelOfWebhook(deps, accountId, channelId) : null,
    );
    if (found === null) return;
    const { done: channel } = found;
    if (channel === null) return sendError(response, 404, 'NOT_FOUND', 'there is no such channel');
    if (method !== 'GET' && method !== 'POST') {
      response.setHeader('allow', 'GET, POST');
      return sendError(response, 405, 'METHOD_NOT_ALLOWED', 'GET and POST are allowed');
    }
    // However slowly it comes, it keeps nobody else from their turn.
    const body = await readBody(request, response, MAX_BYTES, READ_WITHIN_MS, deps.door);
    if (body === null) return;

    const call: InboundRequest = {
      method,
      url: `${publicUrl ?? `http://${request.headers.host ?? ''}`}${url}`,
      headers: headersOf(request),
      body,
    };
    const work = () => answer(deps, { accountId, channelId, ...channel }, call, response);
    await inTurn(deps.door, response, work, accountId);
  };
}

type CalledChannel = { accountId: string; channelId: string; adapterId: string; settings: object };

async function answer(
  deps: WebhookDeps,
  { accountId, channelId, adapterId, settings }: CalledChannel,
  call: InboundRequest,
  response: ServerResponse,
): Promise<void> {
  const log = deps.log.child({ accountId, channelId, adapter: adapterId });
  const adapter = deps.registry.get(adapterId);
  const context: AdapterContext<ChannelSettings> = {
    settings: deps.settings.open(adapterId, settings),
    fetch,
    now: () => deps.clock.now(),
    signal: AbortSignal.timeout(READ_WITHIN_MS),
  };
  if (call.method === 'GET') return shakeHands(adapter, call, context, response);
  if (!(await adapter.inbound.verify(call, context))) {
    log.warn('a call that is not genuine was refused');
    return sendError(response, 401, 'UNAUTHENTICATED', 'the signature is missing, wrong or too old');
  }
  let received: Awaited<ReturnType<typeof receive>>;
  try {
    received = await receive(deps, accountId, channelId, adapter.inbound.parse(call, context));
  } catch (error) {
    if (error instanceof InvalidInputError) return sendError(response, 400, error.code, error.message);
    if (!(error instanceof LullError)) log.error({ err: error }, 'a call could not be recorded');
    // It took so long that it has been answered already.
    if (response.headersSent) return;
    response.setHeader('retry-after', '5');
    return sendError(response, 503, 'UNAVAILABLE', 'not possible just now; call again');
  }
  if (received.faults.length > 0) log.warn(received, 'a call had events that could not be recorded');
  else log.debug(received, 'a call was recorded');
  if (response.headersSent) return;
  if (adapter.inbound.acknowledge) return reply(response, adapter.inbound.acknowledge(call, context));
  send(response, 200, received);
}

function shakeHands(
  { inbound }: Adapter,
  call: InboundRequest,
  context: AdapterContext<ChannelSettings>,
  response: ServerResponse,
): void {
  if (!inbound.handshake) {
    response.setHeader('allow', 'POST');
    sendError(response, 405, 'METHOD_NOT_ALLOWED', 'POST is allowed');
    return;
  }
  const answer = inbound.handshake(call, context);
  if (answer === null) sendError(response, 401, 'UNAUTHENTICATED', 'this is no genuine handshake');
  else reply(response, answer);
}

function reply(response: ServerResponse, { status, headers, body }: InboundReply): void {
  response.writeHead(status, headers).end(body);
}

function headersOf({ rawHeaders }: IncomingMessage): Headers {
  const headers = new Headers();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2)
    headers.append(rawHeaders[index] ?? '', rawHeaders[index + 1] ?? '');
  return headers;
}
