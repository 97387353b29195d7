import type { Adapter } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/channels/web/adapter.ts';

let attempts = 0;

/** Sends each attempt under an id of its own. */
export default {
  ...web,
  async deliver(message, context) {
    return web.deliver({ ...message, id: `attempt-${++attempts}` }, context);
  },
} satisfies Adapter;

export const caught = ['sends the id of the message where sends are idempotent'];
