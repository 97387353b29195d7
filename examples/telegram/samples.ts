import type { AdapterSamples, InboundRequest } from 'lull/adapters';

/** Settings of a channel, with invented secrets. */
export const SETTINGS = {
  botToken: '110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw',
  secretToken: 'known_to_Telegram_and_to_this_channel',
};
export const NOW = new Date('2026-01-05T13:00:10Z');

const at = (time: string) => new Date(`2026-01-05T${time}Z`);
const seconds = (time: string) => at(time).getTime() / 1000;
const ada = { id: 4711, is_bot: false, first_name: 'Ada', language_code: 'de' };
const chat = { id: 4711, type: 'private', first_name: 'Ada' };
const bot = { id: 110201543, is_bot: true, first_name: 'Desk', username: 'desk_bot' };

/** Telegram's request with this update, for SETTINGS. */
export function call(update: unknown): InboundRequest {
  return {
    method: 'POST',
    url: 'https://lull.example/webhooks/an-account/a-channel',
    headers: new Headers({
      'content-type': 'application/json',
      'x-telegram-bot-api-secret-token': SETTINGS.secretToken,
    }),
    body: new TextEncoder().encode(JSON.stringify(update)),
  };
}

/** A customer's message in an update. */
export const HELLO = {
  message_id: 1365,
  from: ada,
  chat,
  date: seconds('13:00:00'),
  text: 'Hello, grüß Gott',
};
/** The customer blocks the bot. */
export const BLOCKED = {
  chat,
  from: ada,
  date: seconds('13:00:05'),
  old_chat_member: { user: bot, status: 'member' },
  new_chat_member: { user: bot, status: 'kicked', until_date: 0 },
};
const hello = {
  kind: 'MESSAGE',
  providerMessageId: '4711:1365',
  address: '4711',
  sentAt: at('13:00:00'),
  text: 'Hello, grüß Gott',
  locale: 'de',
} as const;

export const samples: AdapterSamples = {
  settings: SETTINGS,
  otherSettings: {
    botToken: '220201543:BBHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw',
    secretToken: 'known_to_Telegram_and_to_another_channel',
  },
  now: NOW,
  calls: [
    { request: call({ update_id: 10001, message: HELLO }), events: [hello] },
    {
      request: call({
        update_id: 10002,
        edited_message: { ...HELLO, edit_date: seconds('13:00:03'), text: 'Hello' },
      }),
      events: [
        {
          ...hello,
          providerMessageId: `4711:1365:${seconds('13:00:03')}`,
          sentAt: at('13:00:03'),
          text: 'Hello',
        },
      ],
    },
    {
      request: call({ update_id: 10003, my_chat_member: BLOCKED }),
      events: [{ kind: 'LEAVE', providerEventId: 'update:10003', address: '4711', at: at('13:00:05') }],
    },
  ],
  acceptedResponse: () => Response.json({ ok: true, result: { message_id: 1366, chat, text: 'Goodbye' } }),
};
