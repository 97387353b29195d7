import type { Adapter } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/channels/web/adapter.ts';

/** Looks at the header, never at the body. */
export default {
  ...web,
  inbound: {
    ...web.inbound,
    verify: ({ headers }) => headers.get('lull-signature')?.startsWith('t=') ?? false,
  },
} satisfies Adapter;

export const caught = [
  'rejects a request with any byte of its body changed',
  'rejects a request signed for another channel',
];
