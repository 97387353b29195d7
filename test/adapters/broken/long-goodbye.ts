import type { Adapter } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/channels/web/adapter.ts';

/** Says more than it may. */
export default {
  ...web,
  closing(context) {
    const closing = web.closing(context);
    return { ...closing, closeMessage: closing.closeMessage && 'bye '.repeat(2000) };
  },
} satisfies Adapter;

export const caught = [
  "prefers the policy's close message to its own (PE-3)",
  'keeps its close message within its text limit',
];
