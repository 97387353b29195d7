import type { Adapter } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/channels/web/adapter.ts';

/** Refuses what is genuine. */
export default { ...web, inbound: { ...web.inbound, verify: () => false } } satisfies Adapter;

export const caught = ['verifies genuine requests'];
