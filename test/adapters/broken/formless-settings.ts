import { z } from 'zod';
import type { Adapter } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/channels/web/adapter.ts';
import { destination } from '../../../src/adapters/settings.ts';
/** Has a setting of a type that no form can hold. */
export default {
  ...web,
  settings: z.strictObject({
    secret: z.string(),
    deliverUrl: destination(z.url()),
    showSurvey: z.boolean(),
    showCloseMessage: z.boolean(),
    since: z.date().optional(),
  }),
} satisfies Adapter;

export const caught = ['has settings that convert to a JSON Schema of an object'];
