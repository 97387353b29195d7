import type { IncomingMessage, ServerResponse } from 'node:http';
import type {
  Adapter,
  AdapterContext,
  ChannelSettings,
  InboundReply,
  InboundRequest,
} from '../adapters/adapter.ts';
import { contextFor } from '../adapters/context.ts';
import type { Registry } from '../adapters/registry.ts';
import type { SettingsStore } from '../adapters/settings.ts';
import { onBehalfOf } from '../db/pool/pool.ts';
import { InvalidInputError, LullError } from '../domain/errors.ts';
import { isUuid } from '../domain/uuid.ts';
import type { EngineDeps } from '../engine.ts';
import { receive } from '../ingest/receive-webhook.ts';
import type { Log } from '../log.ts';
import type { FetchWithin } from '../outgoing/guarded-fetch.ts';
import { type ChannelPath, channelsOfWebhooks } from '../rules/channels.ts';
import { batchedWithLimit } from '../schema/core/batch.ts';
import { inTurn } from './admission.ts';
import { type ReadWhole, readBody } from './body.ts';
import { type RequestLimits, refuseUnknown } from './request-limits.ts';
import { ALWAYS, send, sendError, sendUnavailable } from './respond.ts';

/** The dependencies of the webhook handler. */
export type WebhookDeps = EngineDeps & {
  log: Log;
  registry: Registry;
  settings: SettingsStore;
  /** The guarded `fetch` that adapters get. */
  fetchWithin: FetchWithin;
};

/** The longest body of a provider's call. */
const MAX_BYTES = 1024 * 1024;
const READ_WITHIN_MS = 15_000;
const PATH = /^\/webhooks\/([^/?]+)\/([^/?]+)\/?$/;

/** Whether a path is the path of a webhook. */
export function isWebhookPath(path: string): boolean {
  return path.startsWith('/webhooks/');
}

/**
 * Answers providers' calls to `/webhooks/:accountId/:channelId`. The channel's adapter verifies and parses a call,
 * and its events are recorded. 2xx is answered only after the commit; 401 if the call is not genuine; 400 if it
 * cannot be parsed; 5xx if the provider should repeat it. Until a call is verified, it uses no capacity of
 * authenticated callers.
 */
export function openWebhooks(
  deps: WebhookDeps & { limits: RequestLimits },
  publicUrl: string | null,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const { limits } = deps;
  const { admission, authentication, senderOf } = limits;
  const find = batchedWithLimit((paths: readonly ChannelPath[]) => channelsOfWebhooks(deps, paths));

  return async (request, response) => {
    const { method = 'GET', url = '/' } = request;
    const path = url.split('?')[0] ?? '/';
    // Ids are compared as ids, because a provider may send them in upper case.
    const [, accountId = '', channelId = ''] = PATH.exec(path)?.map((id) => id.toLowerCase()) ?? [];
    const sender = senderOf(request);
    const stranger = (refuse: () => void) => refuseUnknown(limits, sender, response, refuse);
    const found = await authentication.within(response, async () =>
      isUuid(accountId) && isUuid(channelId) ? await find({ accountId, channelId }) : null,
    );
    if (found === null) return;
    const { done: channel } = found;
    if (channel === null)
      return stranger(() => sendError(response, 404, 'NOT_FOUND', 'there is no such channel'));
    if (method !== 'GET' && method !== 'POST') {
      response.setHeader('allow', 'GET, POST');
      return sendError(response, 405, 'METHOD_NOT_ALLOWED', 'GET and POST are allowed');
    }
    const owner = { place: channelId, sender };
    const body = await readBody(request, response, {
      ...{ maxBytes: MAX_BYTES, withinMs: READ_WITHIN_MS, admission, budget: limits.unknownBodies, owner },
    });
    if (body === null) return;

    const call: InboundRequest = {
      method,
      url: `${publicUrl ?? `http://${request.headers.host ?? ''}`}${url}`,
      headers: headersOf(request),
      body: body.bytes,
    };
    const called = openCall(deps, { accountId, channelId, ...channel });
    if (method === 'GET') return shakeHands(called, call, response, stranger);
    const verified = await authentication.within(response, async () =>
      called.inbound.verify(call, called.context),
    );
    if (verified === null) return;
    if (!verified.done)
      return stranger(() => {
        called.log.warn('a call that is not genuine was refused');
        sendError(response, 401, 'UNAUTHENTICATED', 'the signature is missing, wrong or too old');
      });
    if (!moveIn(limits, body, response, accountId)) return;
    await inTurn(
      admission,
      response,
      () => onBehalfOf(accountId, () => record(deps, called, call, response)),
      accountId,
    );
  };
}

/** Moves the body of a verified call to its account's memory budget. */
function moveIn(
  { admission, knownBodies }: RequestLimits,
  body: ReadWhole,
  response: ServerResponse,
  accountId: string,
): boolean {
  const kept = knownBodies.open({ place: accountId, sender: 'webhooks' }, () => {});
  kept.complete();
  body.free();
  response.once('close', kept.free);
  if (kept.grow(body.bytes.length)) return true;
  kept.free();
  admission.refuse(response, 'memory');
  return false;
}

type CalledChannel = { accountId: string; channelId: string; adapterId: string; settings: object };

/** A call to a channel, with its adapter and the adapter's context. */
type Called = CalledChannel & {
  inbound: Adapter['inbound'];
  context: AdapterContext<ChannelSettings>;
  log: Log;
};

function openCall(
  { registry, settings: store, clock, log, fetchWithin }: WebhookDeps,
  channel: CalledChannel,
): Called {
  const { accountId, channelId, adapterId, settings } = channel;
  return {
    ...channel,
    inbound: registry.get(adapterId).inbound,
    log: log.child({ accountId, channelId, adapter: adapterId }),
    context: contextFor(
      { fetchWithin, now: () => clock.now() },
      store.open(adapterId, settings),
      READ_WITHIN_MS,
    ),
  };
}

async function record(
  deps: WebhookDeps,
  { accountId, channelId, inbound, context, log }: Called,
  call: InboundRequest,
  response: ServerResponse,
): Promise<void> {
  let received: Awaited<ReturnType<typeof receive>>;
  try {
    received = await receive(deps, accountId, channelId, inbound.parse(call, context));
  } catch (error) {
    if (error instanceof InvalidInputError) return sendError(response, 400, error.code, error.message);
    if (!(error instanceof LullError)) log.error({ err: error }, 'a call could not be recorded');
    else if (error.cause !== undefined) log.warn({ err: error.cause }, 'the database does not answer');
    // It took so long that it has been answered already.
    if (response.headersSent) return;
    return sendUnavailable(response, 'not possible just now; call again');
  }
  if (received.faults.length > 0) log.warn(received, 'a call had events that could not be recorded');
  else log.debug(received, 'a call was recorded');
  if (response.headersSent) return;
  if (inbound.acknowledge) return reply(response, inbound.acknowledge(call, context));
  send(response, 200, received);
}

function shakeHands(
  { inbound, context }: Called,
  call: InboundRequest,
  response: ServerResponse,
  stranger: (refuse: () => void) => void,
): void {
  if (!inbound.handshake) {
    response.setHeader('allow', 'POST');
    sendError(response, 405, 'METHOD_NOT_ALLOWED', 'POST is allowed');
    return;
  }
  const answer = inbound.handshake(call, context);
  if (answer !== null) reply(response, answer);
  else stranger(() => sendError(response, 401, 'UNAUTHENTICATED', 'this is no genuine handshake'));
}

function reply(response: ServerResponse, { status, headers, body }: InboundReply): void {
  response.writeHead(status, { ...headers, ...ALWAYS }).end(body);
}

function headersOf({ rawHeaders }: IncomingMessage): Headers {
  const headers = new Headers();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2)
    headers.append(rawHeaders[index] ?? '', rawHeaders[index + 1] ?? '');
  return headers;
}
