import type { Adapter } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/channels/web/adapter.ts';

/** Never looks at the signature. */
export default { ...web, inbound: { ...web.inbound, verify: () => true } } satisfies Adapter;

export const caught = [
  'refuses a call of which any byte was changed',
  'refuses a call without its signature, or with junk for one',
  'refuses a call that was signed for another channel',
];
