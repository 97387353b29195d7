import type { Adapter } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/channels/web/adapter.ts';
import { z } from '../../../src/adapters/kit.ts';
import { destination } from '../../../src/adapters/settings.ts';
import { LULL_SIGNATURE, ownWireSettings } from '../../../src/adapters/shared/own-wire.ts';

/** Marks a destination within another setting, where it is not checked. */
export default {
  ...web,
  settings: ownWireSettings(LULL_SIGNATURE).extend({
    proxy: z.strictObject({ url: destination(z.url()) }).optional(),
  }),
} satisfies Adapter;

export const caught = ['marks only top-level text settings as destinations'];
