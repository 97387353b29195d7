import type { Adapter } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/channels/web/adapter.ts';

/** Stamps a message when it comes in, not when it was sent. */
const stampsArrival = {
  ...web,
  inbound: {
    ...web.inbound,
    parse(request, context) {
      const inbound = web.inbound.parse(request, context);
      const events = inbound.events.map((event) =>
        event.kind === 'MESSAGE' ? { ...event, sentAt: context.now() } : event,
      );
      return { ...inbound, events };
    },
  },
} satisfies Adapter;
export default stampsArrival;

export const caught = [
  'parses the events of genuine requests',
  'parses a redelivered request to the same events',
];
