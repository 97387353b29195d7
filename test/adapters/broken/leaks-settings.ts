import { z } from 'zod';
import type { Adapter } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/channels/web/adapter.ts';
import { destination } from '../../../src/adapters/settings.ts';
/** Shows a bad value in its error. */
export default {
  ...web,
  settings: z.strictObject({
    secret: z.string({ error: ({ input }) => `${JSON.stringify(input)} is no secret` }),
    deliverUrl: destination(z.url({ error: ({ input }) => `${JSON.stringify(input)} is no URL` })),
    showSurvey: z.boolean(),
    showCloseMessage: z.boolean(),
  }),
} satisfies Adapter;

export const caught = ['names an invalid setting and never shows its value'];
