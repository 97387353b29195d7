import type { Adapter } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/channels/web/adapter.ts';
import { z } from '../../../src/adapters/kit.ts';
import { LULL_SIGNATURE, ownWireSettings } from '../../../src/adapters/shared/own-wire.ts';

type Settings = { deliverUrl: string; relayHost?: string };

/** Sends through a host that an unmarked setting names. */
export default {
  ...web,
  settings: ownWireSettings(LULL_SIGNATURE).extend({
    relayHost: z
      .string()
      .regex(/^[a-z0-9.-]+$/)
      .optional(),
  }),
  deliver(message, context) {
    const { deliverUrl, relayHost } = context.settings as unknown as Settings;
    const url = relayHost === undefined ? deliverUrl : `https://${relayHost}/send`;
    return web.deliver(message, { ...context, fetch: (_url, init) => context.fetch(url, init) });
  },
} satisfies Adapter;

export const caught = ['marks every setting that names a host as a destination'];
