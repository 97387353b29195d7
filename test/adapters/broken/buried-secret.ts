import { z } from 'zod';
import type { Adapter } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/channels/web/adapter.ts';
import { destination, secret } from '../../../src/adapters/settings.ts';

/** Has a secret within another setting, where it would be kept as it is. */
export default {
  ...web,
  settings: z.strictObject({
    secret: secret(z.string()),
    deliverUrl: destination(z.url()),
    showSurvey: z.boolean(),
    showCloseMessage: z.boolean(),
    login: z.strictObject({ password: secret(z.string()) }).optional(),
  }),
} satisfies Adapter;

export const caught = ['marks only top-level text settings as secrets'];
