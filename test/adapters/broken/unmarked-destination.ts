import type { Adapter } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/channels/web/adapter.ts';
import { z } from '../../../src/adapters/kit.ts';
import { secret } from '../../../src/adapters/settings.ts';
import { broughtSettings } from '../../../src/adapters/shared/own-wire.ts';
import { lullHeaders } from '../../../src/adapters/shared/signature.ts';
import { deliverOverWire } from '../../../src/adapters/shared/wire.ts';

type Settings = { secret: string; deliverUrl: string; relayHost?: string };

/** Sends by way of a host that a setting names, and does not mark it. */
export default {
  ...web,
  settings: z.strictObject({
    ...broughtSettings.shape,
    secret: secret(z.string().min(16)),
    relayHost: z
      .string()
      .regex(/^[a-z0-9.-]+$/)
      .optional(),
  }),
  deliver(message, context) {
    const { secret, deliverUrl, relayHost } = context.settings as unknown as Settings;
    const url = relayHost === undefined ? deliverUrl : `https://${relayHost}/send`;
    return deliverOverWire(message, url, (body) => lullHeaders(secret, context.now(), body), context);
  },
} satisfies Adapter;

export const caught = ['sends to no host that a setting names which is not marked as a destination'];
