import type { Adapter } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/channels/web/adapter.ts';

/** Puts the address into a path as it is, encoded but for its dots. */
export default {
  ...web,
  deliver(message, context) {
    const { fetch } = context;
    const place = `/customers/${encodeURIComponent(message.address.toWellFormed())}/messages`;
    return web.deliver(message, {
      ...context,
      fetch: (input, init) => fetch(new URL(place, String(input)), init),
    });
  },
} satisfies Adapter;

export const caught = ['encodes a customer address within one path segment'];
