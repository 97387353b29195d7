import type { Adapter } from './adapter.ts';
import appleMessages from './channels/apple-messages/adapter.ts';
import byoc from './channels/byoc/adapter.ts';
import byocInteraction from './channels/byoc-interaction/adapter.ts';
import chatwoot from './channels/chatwoot/adapter.ts';
import inApp from './channels/in-app/adapter.ts';
import line from './channels/line/adapter.ts';
import messenger from './channels/messenger/adapter.ts';
import sms from './channels/sms/adapter.ts';
import twilioConversations from './channels/twilio-conversations/adapter.ts';
import web from './channels/web/adapter.ts';
import whatsapp from './channels/whatsapp/adapter.ts';

/** The adapters that Lull includes. */
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
