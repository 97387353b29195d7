import type { Adapter } from '../../../src/adapters/adapter.ts';
import { accepted } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/channels/web/adapter.ts';
/** Says that it was taken and sends nothing. */
export default { ...web, deliver: async () => accepted(null) } satisfies Adapter;

export const caught = ['sends messages and returns ACCEPTED'];
