import type { Adapter } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/channels/web/adapter.ts';

/** Never looks at the signature. */
export default { ...web, inbound: { ...web.inbound, verify: () => true } } satisfies Adapter;

export const caught = [
  'rejects a request with any byte of its body changed',
  'rejects a request with a missing or invalid signature',
  'rejects a request signed for another channel',
];
