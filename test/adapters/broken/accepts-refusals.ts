import type { Adapter } from '../../../src/adapters/adapter.ts';
import { accepted } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/channels/web/adapter.ts';
/** Takes a refusal for an acceptance. */
export default {
  ...web,
  async deliver(message, context) {
    const result = await web.deliver(message, context);
    return result.outcome === 'REJECTED' ? accepted(null) : result;
  },
} satisfies Adapter;

export const caught = ['returns REJECTED with a reason for a 400 response'];
