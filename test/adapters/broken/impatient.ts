import type { Adapter } from '../../../src/adapters/adapter.ts';
import { retry } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/channels/web/adapter.ts';
/** Does not hear how long it should wait. */
export default {
  ...web,
  async deliver(message, context) {
    const result = await web.deliver(message, context);
    return result.outcome === 'RETRY' ? retry(null) : result;
  },
} satisfies Adapter;

export const caught = ['returns RETRY with the delay of Retry-After'];
