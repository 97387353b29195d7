import type { Adapter } from '../../../src/adapters/adapter.ts';
import { rejected } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/channels/web/adapter.ts';
/** Drops a message because the provider is down. */
export default {
  ...web,
  async deliver(message, context) {
    try {
      const result = await web.deliver(message, context);
      return result.outcome === 'RETRY' && result.afterMs === null ? rejected('it is down') : result;
    } catch {
      return rejected('it is down');
    }
  },
} satisfies Adapter;

export const caught = ['does not reject a message while the provider is down'];
