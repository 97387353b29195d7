import type { Adapter } from './adapter.ts';
import appleMessages from './apple-messages.ts';
import byoc from './byoc.ts';
import byocInteraction from './byoc-interaction.ts';
import chatwoot from './chatwoot.ts';
import inApp from './in-app.ts';
import line from './line.ts';
import messenger from './messenger.ts';
import sms from './sms.ts';
import twilioConversations from './twilio-conversations.ts';
import web from './web.ts';
import whatsapp from './whatsapp.ts';

/** The adapters that Lull comes with: the one list of them. */
export const BUILT_IN: readonly Adapter[] = [
  web,
  inApp,
  whatsapp,
  sms,
  messenger,
  line,
  appleMessages,
  byoc,
  byocInteraction,
  twilioConversations,
  chatwoot,
];
