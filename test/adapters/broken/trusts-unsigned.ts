import type { Adapter } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/channels/web/adapter.ts';

/** Takes a call that carries no signature at all. */
export default {
  ...web,
  inbound: {
    ...web.inbound,
    verify: (request, context) =>
      !request.headers.has('lull-signature') || web.inbound.verify(request, context),
  },
} satisfies Adapter;

export const caught = ['rejects a request with a missing or invalid signature'];
