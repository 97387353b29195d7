import type { Adapter } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/channels/web/adapter.ts';

/** Asks customers who opted out how it was. */
export default {
  ...web,
  closing(context) {
    return { ...web.closing(context), survey: context.windowOpen };
  },
} satisfies Adapter;

export const caught = ['shows nothing to customers who opted out (LL-14)'];
