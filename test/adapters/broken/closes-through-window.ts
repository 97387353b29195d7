import type { Adapter } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/channels/web/adapter.ts';

/** Sends its goodbye after the window has closed. */
export default {
  ...web,
  closing(context) {
    return web.closing({ ...context, windowOpen: true });
  },
} satisfies Adapter;

export const caught = ['sends no free text outside the reply window (PE-4)'];
