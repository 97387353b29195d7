import type { Adapter } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/channels/web/adapter.ts';
import { z } from '../../../src/adapters/kit.ts';
import { destination, secret } from '../../../src/adapters/settings.ts';
import { broughtSettings } from '../../../src/adapters/shared/own-wire.ts';

/** Marks a destination within another setting, where nobody looks at it. */
export default {
  ...web,
  settings: z.strictObject({
    ...broughtSettings.shape,
    secret: secret(z.string().min(16)),
    proxy: z.strictObject({ url: destination(z.url()) }).optional(),
  }),
} satisfies Adapter;

export const caught = ['has no destination but texts of their own, which alone are looked at'];
