import { z } from 'zod';
import type { Adapter } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/channels/web/adapter.ts';
import { destination } from '../../../src/adapters/settings.ts';
/** Takes a misspelt setting without a word. */
export default {
  ...web,
  settings: z.object({
    secret: z.string(),
    deliverUrl: destination(z.url()),
    showSurvey: z.boolean(),
    showCloseMessage: z.boolean(),
  }),
} satisfies Adapter;

export const caught = ['rejects an unknown setting and names it'];
