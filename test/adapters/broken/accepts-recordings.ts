import type { Adapter } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/channels/web/adapter.ts';

/** Verifies a signature as of the time that it names, so a recorded request stays valid for ever. */
export default {
  ...web,
  inbound: {
    ...web.inbound,
    verify(request, context) {
      const seconds = Number(/t=(\d+)/.exec(request.headers.get('lull-signature') ?? '')?.[1] ?? 0);
      return web.inbound.verify(request, { ...context, now: () => new Date(seconds * 1000) });
    },
  },
} satisfies Adapter;

export const caught = ['rejects a request that was signed longer ago than its tolerance'];
