import type { Adapter } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/channels/web/adapter.ts';

/** Offers a template to customers who opted out. */
export default {
  ...web,
  closing(context) {
    return { ...web.closing(context), template: context.windowOpen ? null : 'goodbye' };
  },
} satisfies Adapter;

export const caught = ['shows nothing to customers who opted out (LL-14)'];
