import { InvalidInputError } from '../../domain/errors.ts';
import type { Adapter, AdapterContext, ChannelSettings, Inbound, InboundRequest } from '../adapter.ts';
import { parseSettings } from '../registry.ts';
import { check, checkSame, thrownBy } from './check.ts';
import type { AdapterSamples, ContractCase } from './contract.ts';

const JUNK = [
  '',
  '[]',
  'null',
  '{}',
  '"text"',
  '{"events":7}',
  '{"events":[null,7,{}]}',
  '\u0000',
  '%%%',
  'a=b',
];

/** What holds for every adapter's way in. */
export function inboundCases(adapter: Adapter, samples: AdapterSamples): ContractCase[] {
  const { inbound } = adapter;
  const verify = async (request: InboundRequest, settings: unknown = samples.settings) =>
    inbound.verify(request, contextOf(adapter, settings, samples.now));
  const parse = (request: InboundRequest, now = samples.now) =>
    inbound.parse(request, contextOf(adapter, samples.settings, now));
  /** Without what an adapter can only stamp, where its provider says no times. */
  const timely = (read: Inbound) =>
    inbound.undated
      ? { ...read, events: read.events.map((event) => ({ ...event, at: 0, sentAt: 0 })) }
      : read;
  return [
    {
      name: 'accepts genuine calls',
      async run() {
        check(samples.calls.length > 0, 'there is no sample call');
        for (const { request } of samples.calls) check(await verify(request), `refused: ${request.url}`);
      },
    },
    {
      name: 'refuses a call of which any byte was changed',
      async run() {
        if (inbound.unsigned) return;
        for (const { request } of samples.calls)
          for (const index of request.body.keys()) {
            const body = Uint8Array.from(request.body);
            body[index] = (body[index] ?? 0) ^ 1;
            check(!(await verify({ ...request, body })), `taken with byte ${index} changed`);
          }
      },
    },
    {
      name: 'refuses a call without its signature, or with junk for one',
      async run() {
        for (const { request } of samples.calls) {
          check(!(await verify({ ...request, headers: new Headers() })), 'taken without any header');
          const junk = new Headers(
            [...request.headers.keys()].map((name): [string, string] => [name, 'junk']),
          );
          check(!(await verify({ ...request, headers: junk })), 'taken with junk in every header');
        }
      },
    },
    {
      name: 'refuses a call that was signed for another channel',
      async run() {
        for (const { request } of samples.calls)
          check(!(await verify(request, samples.otherSettings)), 'taken with the secrets of another channel');
      },
    },
    {
      name: 'reads the events of genuine calls',
      async run() {
        for (const { request, events } of samples.calls) checkSame(parse(request).events, events, 'events');
      },
    },
    {
      name: 'reads a redelivered call just as it did before',
      async run() {
        const later = new Date(samples.now.getTime() + 3_600_000);
        for (const { request } of samples.calls)
          checkSame(timely(parse(request, later)), timely(parse(request)), 'an hour later');
      },
    },
    {
      name: 'answers a body it cannot read with InvalidInputError',
      async run() {
        for (const { request } of samples.calls) {
          const half = request.body.slice(0, request.body.length >> 1);
          for (const body of [half, Uint8Array.of(0xff, 0xfe), ...JUNK.map((text) => Buffer.from(text))]) {
            const error = await thrownBy(() => parse({ ...request, body }));
            check(error === null || error instanceof InvalidInputError, `it threw ${error}`);
          }
        }
      },
    },
    {
      name: 'answers a genuine handshake and refuses a forged one, where it has one',
      async run() {
        if (!inbound.handshake) return;
        check(samples.handshake !== undefined, 'there is a handshake, but no sample of it');
        const context = contextOf(adapter, samples.settings, samples.now);
        const { genuine, reply, forged } = samples.handshake;
        checkSame(inbound.handshake(genuine, context), reply, 'the answer');
        check(inbound.handshake(forged, context) === null, 'a forged handshake was answered');
      },
    },
    {
      name: 'thanks for a call with a status of success, where it has an answer of its own',
      async run() {
        for (const { request } of samples.calls) {
          const context = contextOf(adapter, samples.settings, samples.now);
          const status = inbound.acknowledge?.(request, context).status ?? 204;
          check(status >= 200 && status < 300, `a call that was taken is answered with ${status}`);
        }
      },
    },
  ];
}

function contextOf(adapter: Adapter, settings: unknown, now: Date): AdapterContext<ChannelSettings> {
  return {
    settings: parseSettings(adapter, settings),
    fetch: () => Promise.reject(new Error('reading a call takes no request')),
    now: () => now,
    signal: new AbortController().signal,
  };
}
