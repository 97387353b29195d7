import type { Adapter } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/channels/web/adapter.ts';

/** Does not know STOP. */
export default { ...web, rules: { ...web.rules, optOutWords: ['UNSUBSCRIBE'] } } satisfies Adapter;

export const caught = ['lets customers opt out with STOP and UNSUBSCRIBE, and back in with START (PE-12)'];
