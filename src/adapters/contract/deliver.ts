import { type Adapter, type DeliverResult, type OutboundMessage, rulesOf } from '../adapter.ts';
import { parseSettings } from '../registry.ts';
import { check, checkSame } from './check.ts';
import type { AdapterSamples, ContractCase } from './contract.ts';

/** Where the messages of the contract go. */
export const PLACE = {
  id: '019b0000-0000-7000-8000-00000000c0de',
  conversationId: '019b0000-0000-7000-8000-000000000001',
  address: 'ada',
};
/** One of every kind of message. */
export const MESSAGES: readonly OutboundMessage[] = [
  { ...PLACE, kind: 'WARNING', text: 'Are you still there?' },
  { ...PLACE, kind: 'CLOSE_MESSAGE', text: 'Goodbye' },
  { ...PLACE, kind: 'TEMPLATE', template: 'goodbye', locale: 'en' },
  { ...PLACE, kind: 'SURVEY' },
  { ...PLACE, kind: 'SEPARATOR' },
];

type Attempt = {
  /** What came of it; THREW where `deliver` did. */
  outcome: DeliverResult | { outcome: 'THREW' };
  requests: { url: URL; text: string; signal: AbortSignal | null }[];
};

/** What holds for every adapter's way out. */
export function deliverCases(adapter: Adapter, samples: AdapterSamples): ContractCase[] {
  const all = (answer: (url: string) => Response | Error, signal = new AbortController().signal) =>
    Promise.all(MESSAGES.map((message) => attempt(adapter, samples, message, answer, signal)));
  const textOf = async () => {
    const attempts = await all(samples.taken);
    return attempts.flatMap(({ requests }) => requests).map(({ text }) => text);
  };
  return [
    {
      name: 'sends every kind of message, and says when it was taken',
      async run() {
        const attempts = await all(samples.taken);
        check(
          attempts.some(({ requests }) => requests.length > 0),
          'nothing was sent through the fetch of the context',
        );
        // A kind that the channel does not have may be rejected, but only without a request.
        for (const { outcome, requests } of attempts)
          check(
            outcome.outcome === (requests.length > 0 ? 'ACCEPTED' : outcome.outcome) &&
              outcome.outcome !== 'THREW',
            `the provider took it, but the outcome is ${outcome.outcome}`,
          );
      },
    },
    {
      name: 'says for good that a message was refused, and why',
      async run() {
        for (const { outcome, requests } of await all(() => new Response('no', { status: 400 })))
          if (requests.length > 0)
            check(outcome.outcome === 'REJECTED' && outcome.reason !== '', `a 400 gave ${outcome.outcome}`);
      },
    },
    {
      name: 'shows no setting in the reason for a refusal',
      async run() {
        const texts = textsIn(samples.settings).filter((text) => text.length >= 8);
        for (const { outcome } of await all(() => new Response('no', { status: 400 })))
          if (outcome.outcome === 'REJECTED')
            check(!texts.some((text) => outcome.reason.includes(text)), 'the reason shows a setting');
      },
    },
    {
      name: 'waits as long as a provider asks for',
      async run() {
        const answer = () => new Response('slow down', { status: 429, headers: { 'retry-after': '7' } });
        for (const { outcome, requests } of await all(answer))
          if (requests.length > 0) {
            const afterMs = outcome.outcome === 'RETRY' ? outcome.afterMs : null;
            // Whether it says that the provider limits it is up to the adapter.
            const asked = { outcome: outcome.outcome, afterMs };
            checkSame(asked, { outcome: 'RETRY', afterMs: 7000 }, 'a 429 with Retry-After: 7');
          }
      },
    },
    {
      name: 'leaves a message open while the provider is down',
      async run() {
        for (const answer of [() => new Response('', { status: 503 }), () => new TypeError('fetch failed')])
          for (const { outcome, requests } of await all(answer))
            if (requests.length > 0)
              check(
                outcome.outcome === 'RETRY' || outcome.outcome === 'THREW',
                `no answer gave ${outcome.outcome}`,
              );
      },
    },
    {
      name: 'stops when it is told to',
      async run() {
        const controller = new AbortController();
        const attempts = await all(samples.taken, controller.signal);
        controller.abort();
        for (const { signal } of attempts.flatMap(({ requests }) => requests))
          check(signal?.aborted === true, 'a request went out without the signal of the context');
      },
    },
    {
      name: 'marks each attempt with the id of its message, where sends are idempotent',
      async run() {
        if (!rulesOf(adapter, samples.settings).idempotentSends) return;
        for (const text of await textOf())
          check(text.includes(PLACE.id), 'a request went out without the id of its message');
      },
    },
  ];
}

/** Delivers one message to a provider that answers so, and notes what went over the wire. */
export async function attempt(
  adapter: Adapter,
  samples: Pick<AdapterSamples, 'settings' | 'now'>,
  message: OutboundMessage,
  answer: (url: string) => Response | Error,
  signal: AbortSignal = new AbortController().signal,
): Promise<Attempt> {
  const requests: Attempt['requests'] = [];
  const record: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    const headers = [...request.headers].map((header) => header.join(': '));
    const text = [request.url, ...headers, await request.text()].join('\n');
    const url = new URL(request.url);
    requests.push({ url, text, signal: init?.signal ?? (input instanceof Request ? input.signal : null) });
    const given = answer(request.url);
    if (given instanceof Error) throw given;
    return given;
  };
  const context = {
    settings: parseSettings(adapter, samples.settings),
    fetch: record,
    now: () => samples.now,
    signal,
  };
  try {
    return { outcome: await adapter.deliver(message, context), requests };
  } catch {
    return { outcome: { outcome: 'THREW' }, requests };
  }
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}
