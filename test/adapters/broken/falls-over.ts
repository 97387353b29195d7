import type { Adapter } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/channels/web/adapter.ts';

/** Falls over a body that is not what it expects. */
export default {
  ...web,
  inbound: {
    ...web.inbound,
    parse(request, context) {
      const body = JSON.parse(Buffer.from(request.body).toString());
      if (body.events.length === 0) return { events: [], ignored: 0, malformed: [] };
      return web.inbound.parse(request, context);
    },
  },
} satisfies Adapter;

export const caught = ['throws InvalidInputError for a body that it cannot parse'];
