import { InvalidInputError } from '../../domain/errors.ts';
import type { AdapterContext, ChannelSettings, Inbound, InboundRequest } from '../adapter.ts';
import { parseSettings } from '../registry.ts';
import { check, checkSame, thrownBy } from './check.ts';
import type { AdapterCase, Sampled } from './contract.ts';

const JUNK_BODIES = [
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

/** Requirements on `inbound`. */
export const inboundCases: readonly AdapterCase<Sampled>[] = [
  {
    name: 'verifies genuine requests',
    async run(given) {
      const { calls } = given.samples;
      check(calls.length > 0, 'there is no sample request');
      for (const { request } of calls) check(await verify(given, request), `rejected: ${request.url}`);
    },
  },
  {
    name: 'rejects a request with any byte of its body changed',
    async run(given) {
      if (given.adapter.inbound.unsigned) return;
      for (const { request } of given.samples.calls)
        for (const index of request.body.keys()) {
          const body = Uint8Array.from(request.body);
          body[index] = (body[index] ?? 0) ^ 1;
          check(!(await verify(given, { ...request, body })), `accepted with byte ${index} changed`);
        }
    },
  },
  {
    name: 'rejects a request with a missing or invalid signature',
    async run(given) {
      for (const { request } of given.samples.calls) {
        check(!(await verify(given, { ...request, headers: new Headers() })), 'accepted without any header');
        const names = [...request.headers.keys()];
        const junk = new Headers(names.map((name): [string, string] => [name, 'junk']));
        check(!(await verify(given, { ...request, headers: junk })), 'accepted with junk in every header');
      }
    },
  },
  {
    name: 'rejects a request signed for another channel',
    async run(given) {
      for (const { request } of given.samples.calls)
        check(
          !(await verify(given, request, given.samples.otherSettings)),
          'accepted with the secrets of another channel',
        );
    },
  },
  {
    name: 'parses the events of genuine requests',
    run(given) {
      for (const { request, events } of given.samples.calls)
        checkSame(parse(given, request).events, events, 'events');
    },
  },
  {
    name: 'parses a redelivered request to the same events',
    run(given) {
      const later = new Date(given.samples.now.getTime() + 3_600_000);
      // Without the timestamps that an adapter makes itself if its provider sends none.
      const comparable = (read: Inbound) =>
        given.adapter.inbound.undated
          ? { ...read, events: read.events.map((event) => ({ ...event, at: 0, sentAt: 0 })) }
          : read;
      for (const { request } of given.samples.calls)
        checkSame(
          comparable(parse(given, request, later)),
          comparable(parse(given, request)),
          'an hour later',
        );
    },
  },
  {
    name: 'throws InvalidInputError for a body that it cannot parse',
    async run(given) {
      const junk = [Uint8Array.of(0xff, 0xfe), ...JUNK_BODIES.map((text) => Buffer.from(text))];
      for (const { request } of given.samples.calls)
        for (const body of [request.body.slice(0, request.body.length >> 1), ...junk]) {
          const error = await thrownBy(() => parse(given, { ...request, body }));
          check(error === null || error instanceof InvalidInputError, `it threw ${error}`);
        }
    },
  },
  {
    name: 'answers a genuine handshake and rejects a forged one',
    run({ adapter, samples }) {
      const { inbound } = adapter;
      if (!inbound.handshake) return;
      check(samples.handshake !== undefined, 'the adapter has a handshake, but the samples have none');
      const context = contextOf({ adapter, samples });
      const { genuine, reply, forged } = samples.handshake;
      checkSame(inbound.handshake(genuine, context), reply, 'the response');
      check(inbound.handshake(forged, context) === null, 'a forged handshake was answered');
    },
  },
  {
    name: 'acknowledges a request with a 2xx status',
    run(given) {
      for (const { request } of given.samples.calls) {
        const status = given.adapter.inbound.acknowledge?.(request, contextOf(given)).status ?? 204;
        check(status >= 200 && status < 300, `an accepted request is answered with ${status}`);
      }
    },
  },
];

async function verify(given: Sampled, request: InboundRequest, settings?: unknown): Promise<boolean> {
  return given.adapter.inbound.verify(request, contextOf(given, { settings }));
}

function parse(given: Sampled, request: InboundRequest, now?: Date): Inbound {
  return given.adapter.inbound.parse(request, contextOf(given, { now }));
}

function contextOf(
  { adapter, samples }: Sampled,
  { settings = samples.settings, now = samples.now }: { settings?: unknown; now?: Date | undefined } = {},
): AdapterContext<ChannelSettings> {
  return {
    settings: parseSettings(adapter, settings),
    fetch: () => Promise.reject(new Error('inbound functions must not send requests')),
    now: () => now,
    signal: new AbortController().signal,
  };
}
