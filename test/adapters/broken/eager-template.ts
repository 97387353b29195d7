import type { Adapter } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/channels/web/adapter.ts';

/** Offers a template where text may be sent. */
export default {
  ...web,
  closing(context) {
    const closing = web.closing(context);
    return { ...closing, template: context.windowOpen && closing.closeMessage ? 'goodbye' : null };
  },
} satisfies Adapter;

export const caught = ['offers a template only outside the reply window (PE-4)'];
