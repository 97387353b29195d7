import { z } from 'zod';
import type { Adapter } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/channels/web/adapter.ts';
import { destination } from '../../../src/adapters/settings.ts';

/** Makes something of its settings that its schema does not take. */
export default {
  ...web,
  settings: z.strictObject({
    secret: z.string().transform((text) => ({ text })),
    deliverUrl: destination(z.url()),
    showSurvey: z.boolean(),
    showCloseMessage: z.boolean(),
  }),
  inbound: {
    ...web.inbound,
    verify: (request, context) => web.inbound.verify(request, { ...context, settings: opened(context) }),
  },
  deliver: (message, context) => web.deliver(message, { ...context, settings: opened(context) }),
} satisfies Adapter;

function opened({ settings }: { settings: unknown }): never {
  const read = settings as { secret: { text: string } };
  return { ...read, secret: read.secret.text } as never;
}

export const caught = ['accepts the settings that it has parsed, because they are stored so'];
