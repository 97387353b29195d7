import type { Adapter } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/channels/web/adapter.ts';

/** Reads messages only. */
export default {
  ...web,
  inbound: {
    ...web.inbound,
    parse(request, context) {
      const inbound = web.inbound.parse(request, context);
      return { ...inbound, events: inbound.events.filter(({ kind }) => kind === 'MESSAGE') };
    },
  },
} satisfies Adapter;

export const caught = ['parses the events of genuine requests'];
