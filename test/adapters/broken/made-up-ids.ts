import type { Adapter } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/channels/web/adapter.ts';

let made = 0;

/** Makes up an id where a redelivery must find the same one. */
export default {
  ...web,
  inbound: {
    ...web.inbound,
    parse(request, context) {
      const inbound = web.inbound.parse(request, context);
      const events = inbound.events.map((event) =>
        event.kind === 'MESSAGE' ? { ...event, providerMessageId: `made-up-${++made}` } : event,
      );
      return { ...inbound, events };
    },
  },
} satisfies Adapter;

export const caught = [
  'parses the events of genuine requests',
  'parses a redelivered request to the same events',
];
