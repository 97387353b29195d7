import { type DeliverResult, type OutboundMessage, rulesFor } from '../adapter.ts';
import { parseSettings } from '../registry.ts';
import { check, checkSame, textsIn } from './check.ts';
import type { AdapterCase, Sampled } from './contract.ts';

const TO = {
  id: '019b0000-0000-7000-8000-00000000c0de',
  conversationId: '019b0000-0000-7000-8000-000000000001',
  address: 'ada',
};
/** One message of every kind. */
export const MESSAGES: readonly OutboundMessage[] = [
  { ...TO, kind: 'WARNING', text: 'Are you still there?' },
  { ...TO, kind: 'CLOSE_MESSAGE', text: 'Goodbye' },
  { ...TO, kind: 'TEMPLATE', template: 'goodbye', locale: 'en' },
  { ...TO, kind: 'SURVEY' },
  { ...TO, kind: 'SEPARATOR' },
];

type Attempt = {
  /** THREW if `deliver` threw. */
  result: DeliverResult | { outcome: 'THREW' };
  requests: { url: URL; text: string; signal: AbortSignal | null }[];
};
/** The provider's response to a request; an error if there is none. */
type Respond = (url: string) => Response | Error;

/** Requirements on `deliver`. A kind of message that the channel does not have may be rejected without a request. */
export const deliverCases: readonly AdapterCase<Sampled>[] = [
  {
    name: 'sends messages and returns ACCEPTED',
    async run(given) {
      const attempts = await deliverAll(given, given.samples.acceptedResponse);
      check(
        attempts.some(({ requests }) => requests.length > 0),
        'nothing was sent through the fetch of the context',
      );
      for (const { result, requests } of attempts)
        check(
          result.outcome === 'ACCEPTED' || (requests.length === 0 && result.outcome !== 'THREW'),
          `the provider accepted a message, but the outcome is ${result.outcome}`,
        );
    },
  },
  {
    name: 'returns REJECTED with a reason for a 400 response',
    async run(given) {
      for (const { result } of await sentAttempts(given, badRequest))
        check(result.outcome === 'REJECTED' && result.reason !== '', `a 400 gave ${result.outcome}`);
    },
  },
  {
    name: 'shows no setting in the reason for a rejection',
    async run(given) {
      const texts = textsIn(given.samples.settings).filter(({ text }) => text.length >= 8);
      for (const { result } of await deliverAll(given, badRequest))
        if (result.outcome === 'REJECTED')
          check(!texts.some(({ text }) => result.reason.includes(text)), 'the reason shows a setting');
    },
  },
  {
    name: 'returns RETRY with the delay of Retry-After',
    async run(given) {
      const respond = () => new Response('slow down', { status: 429, headers: { 'retry-after': '7' } });
      for (const { result } of await sentAttempts(given, respond)) {
        // The adapter decides whether to set isLimited.
        const actual = {
          outcome: result.outcome,
          afterMs: result.outcome === 'RETRY' ? result.afterMs : null,
        };
        checkSame(actual, { outcome: 'RETRY', afterMs: 7000 }, 'a 429 with Retry-After: 7');
      }
    },
  },
  {
    name: 'does not reject a message while the provider is down',
    async run(given) {
      for (const respond of [() => new Response('', { status: 503 }), () => new TypeError('fetch failed')])
        for (const { result } of await sentAttempts(given, respond))
          check(
            result.outcome === 'RETRY' || result.outcome === 'THREW',
            `no response gave ${result.outcome}`,
          );
    },
  },
  {
    name: 'passes the signal of the context to fetch',
    async run(given) {
      const controller = new AbortController();
      const attempts = await deliverAll(given, given.samples.acceptedResponse, controller.signal);
      controller.abort();
      for (const { signal } of attempts.flatMap(({ requests }) => requests))
        check(signal?.aborted === true, 'a request was sent without the signal of the context');
    },
  },
  {
    name: 'sends the id of the message where sends are idempotent',
    async run(given) {
      if (!rulesFor(given.adapter, given.samples.settings).idempotentSends) return;
      const attempts = await deliverAll(given, given.samples.acceptedResponse);
      for (const { text } of attempts.flatMap(({ requests }) => requests))
        check(text.includes(TO.id), 'a request was sent without the id of its message');
    },
  },
];

const badRequest = () => new Response('no', { status: 400 });

function deliverAll(given: Sampled, respond: Respond, signal?: AbortSignal): Promise<Attempt[]> {
  return Promise.all(MESSAGES.map((message) => attempt(given, message, respond, signal)));
}

/** The attempts that sent a request. */
async function sentAttempts(given: Sampled, respond: Respond): Promise<Attempt[]> {
  return (await deliverAll(given, respond)).filter(({ requests }) => requests.length > 0);
}

/** Delivers one message to a provider that answers by `respond`, and records the requests. */
export async function attempt(
  { adapter, samples }: Sampled,
  message: OutboundMessage,
  respond: Respond,
  signal: AbortSignal = new AbortController().signal,
): Promise<Attempt> {
  const requests: Attempt['requests'] = [];
  const record: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    const headers = [...request.headers].map((header) => header.join(': '));
    const text = [request.url, ...headers, await request.text()].join('\n');
    const url = new URL(request.url);
    requests.push({ url, text, signal: init?.signal ?? (input instanceof Request ? input.signal : null) });
    const response = respond(request.url);
    if (response instanceof Error) throw response;
    return response;
  };
  const context = {
    settings: parseSettings(adapter, samples.settings),
    fetch: record,
    now: () => samples.now,
    signal,
  };
  try {
    return { result: await adapter.deliver(message, context), requests };
  } catch {
    return { result: { outcome: 'THREW' }, requests };
  }
}
