import type { Adapter } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/channels/web/adapter.ts';
import { parseSettings } from '../../../src/adapters/registry.ts';
import { OWN } from '../samples.ts';

const settings = parseSettings(web, OWN);

/** Verifies with a secret of its own, the same for every channel. */
export default {
  ...web,
  inbound: {
    ...web.inbound,
    verify: (request, context) => web.inbound.verify(request, { ...context, settings }),
  },
} satisfies Adapter;

export const caught = ['rejects a request signed for another channel'];
