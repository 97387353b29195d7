import { type AdapterContext, type DeliverResult, type OutboundMessage, rejected } from '../../adapter.ts';
import { type Answers, post } from '../../shared/http-send.ts';
import { textFor } from '../../shared/text-channel.ts';

/** The settings that sending takes. */
type Sending = {
  phoneNumberId: string;
  accessToken: string;
  graphUrl: string;
  version: string;
  templateLanguages: readonly string[];
  surveyText?: string | undefined;
};

/** How Meta answers; its codes are more exact than the status. */
const ANSWERS: Answers = {
  idIn: (body) => {
    const id = (body as { messages?: { id?: unknown }[] } | null)?.messages?.[0]?.id;
    return typeof id === 'string' ? id : null;
  },
  codeIn: (body) => {
    const code = (body as { error?: { code?: unknown } } | null)?.error?.code;
    return typeof code === 'number' ? code : null;
  },
  // Too many calls, of the app, the account or the number, and a service that is down, may come as a 400.
  passing: [2, 4, 80007, 130429, 131016, 131056],
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

/** Sends a message by the Cloud API: text within the reply window, or a template, which takes no parameters. */
export async function deliverToWhatsApp(
  message: OutboundMessage,
  context: AdapterContext<Sending>,
): Promise<DeliverResult> {
  const { graphUrl, version, phoneNumberId, accessToken } = context.settings;
  const content = contentOf(message, context.settings);
  if ('why' in content) return rejected(content.why);
  return await post(
    `${graphUrl.replace(/\/$/, '')}/${version}/${phoneNumberId}/messages`,
    {
      headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        messaging_product: 'whatsapp',
        recipient_type: 'individual',
        ...receiver(message.address),
        ...content,
      }),
    },
    ANSWERS,
    context,
  );
}

/** Who hides their phone number is written to by their id, in a field of its own. */
function receiver(address: string): { to: string } | { recipient: string } {
  return /^[A-Z]{2}\./.test(address) ? { recipient: address } : { to: address };
}

function contentOf(message: OutboundMessage, settings: Sending): object | { why: string } {
  if (message.kind === 'TEMPLATE') {
    const code = languageFor(message.locale, settings.templateLanguages);
    return { type: 'template', template: { name: message.template, language: { code } } };
  }
  const said = textFor(message, settings);
  return said.text === null ? said : { type: 'text', text: { body: said.text, preview_url: false } };
}

/** The approved language nearest to the customer's: the same, else of the same language, else the first. */
function languageFor(locale: string | null, languages: readonly string[]): string {
  const wanted = (locale ?? '').replace('-', '_').toLowerCase();
  const [base] = wanted.split('_');
  const is = (matches: (language: string) => boolean) =>
    languages.find((language) => matches(language.toLowerCase()));
  return (
    is((language) => language === wanted) ??
    is((language) => language.split('_')[0] === base) ??
    (languages[0] as string)
  );
}
