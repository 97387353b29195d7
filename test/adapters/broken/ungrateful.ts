import type { Adapter } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/channels/web/adapter.ts';

/** Answers what it took so that it comes again. */
export default {
  ...web,
  inbound: { ...web.inbound, acknowledge: () => ({ status: 500, headers: {}, body: 'thanks' }) },
} satisfies Adapter;

export const caught = ['acknowledges a request with a 2xx status'];
