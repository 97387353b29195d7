import type { AdapterContext, DeliverResult, OutboundMessage } from '../../adapter.ts';
import { postMessage, type ResponseFormat } from '../../shared/http-send.ts';
import { sendText } from '../../shared/text-channel.ts';

type SendSettings = {
  phoneNumberId: string;
  accessToken: string;
  graphUrl: string;
  version: string;
  templateLanguages: readonly string[];
  surveyText?: string | undefined;
};

/** Meta's error codes are more specific than its HTTP statuses. */
const RESPONSE: ResponseFormat = {
  messageId: (body) => {
    const id = (body as { messages?: { id?: unknown }[] } | null)?.messages?.[0]?.id;
    return typeof id === 'string' ? id : null;
  },
  errorCode: (body) => {
    const code = (body as { error?: { code?: unknown } } | null)?.error?.code;
    return typeof code === 'number' ? code : null;
  },
  // Rate limits of the app, the account or the number, and outages, which may arrive with status 400.
  retryableCodes: [2, 4, 80007, 130429, 131016, 131056],
  meanings: {
    0: 'the access token is not valid',
    190: 'the access token is not valid',
    10: 'the access token lacks a permission',
    131026: 'the customer cannot be reached on WhatsApp',
    131047: 'the reply window is closed',
    132001: 'there is no such template in that language',
    132015: 'the template is paused',
  },
};

/** Sends a message by the Cloud API: text within the reply window, or a template without parameters. */
export async function deliverToWhatsApp(
  message: OutboundMessage,
  context: AdapterContext<SendSettings>,
): Promise<DeliverResult> {
  const { graphUrl, version, phoneNumberId, accessToken, templateLanguages } = context.settings;
  const send = (content: object) =>
    postMessage(
      `${graphUrl.replace(/\/$/, '')}/${version}/${phoneNumberId}/messages`,
      {
        headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' },
        body: JSON.stringify({
          messaging_product: 'whatsapp',
          recipient_type: 'individual',
          ...recipientOf(message.address),
          ...content,
        }),
      },
      RESPONSE,
      context,
    );
  if (message.kind !== 'TEMPLATE')
    return await sendText(message, context.settings, (text) =>
      send({ type: 'text', text: { body: text, preview_url: false } }),
    );
  const code = languageFor(message.locale, templateLanguages);
  return await send({ type: 'template', template: { name: message.template, language: { code } } });
}

/** A customer who hides their phone number is addressed by their user id, in another field. */
function recipientOf(address: string): { to: string } | { recipient: string } {
  return /^[A-Z]{2}\./.test(address) ? { recipient: address } : { to: address };
}

/** The approved language closest to the customer's: the same locale, else the same language, else the first. */
function languageFor(locale: string | null, languages: readonly string[]): string {
  const wanted = (locale ?? '').replace('-', '_').toLowerCase();
  const [base] = wanted.split('_');
  const find = (matches: (language: string) => boolean) =>
    languages.find((language) => matches(language.toLowerCase()));
  return (
    find((language) => language === wanted) ??
    find((language) => language.split('_')[0] === base) ??
    (languages[0] as string)
  );
}
