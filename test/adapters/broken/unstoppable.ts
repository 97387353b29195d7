import type { Adapter } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/channels/web/adapter.ts';

/** Keeps sending while the service stops. */
export default {
  ...web,
  async deliver(message, context) {
    return web.deliver(message, { ...context, signal: new AbortController().signal });
  },
} satisfies Adapter;

export const caught = ['passes the signal of the context to fetch'];
