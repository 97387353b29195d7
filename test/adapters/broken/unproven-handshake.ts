import type { Adapter } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/channels/web/adapter.ts';

/** Has a handshake that nobody has tried. */
export default {
  ...web,
  inbound: { ...web.inbound, handshake: () => ({ status: 200, headers: {}, body: 'welcome' }) },
} satisfies Adapter;

export const caught = ['answers a genuine handshake and rejects a forged one'];
