import type { Adapter } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/channels/web/adapter.ts';

/** Says its own goodbye, whatever the policy says. */
export default {
  ...web,
  closing(context) {
    return web.closing({ ...context, closeMessage: null });
  },
} satisfies Adapter;

export const caught = ["prefers the policy's close message to its own (PE-3)"];
