import type { Adapter } from '../../../src/adapters/adapter.ts';
import { rejected } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/channels/web/adapter.ts';
/** Shows a secret to whoever reads the dead letters. */
export default {
  ...web,
  async deliver(message, context) {
    const result = await web.deliver(message, context);
    return result.outcome === 'REJECTED' ? rejected(`refused: ${JSON.stringify(context.settings)}`) : result;
  },
} satisfies Adapter;

export const caught = ['shows no setting in the reason for a rejection'];
