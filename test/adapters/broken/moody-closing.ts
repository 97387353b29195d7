import type { Adapter } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/channels/web/adapter.ts';

let asked = 0;

/** Closes differently every other time. */
export default {
  ...web,
  closing(context) {
    asked += 1;
    const closing = web.closing(context);
    return { ...closing, separator: closing.separator && asked % 2 === 0 };
  },
} satisfies Adapter;

export const caught = ['returns the same closing for the same context'];
