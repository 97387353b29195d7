import { type AdapterContext, type DeliverResult, type OutboundMessage, rejected } from '../../adapter.ts';
import { postMessage, type ResponseFormat } from '../../shared/http-send.ts';
import { INVALID_SEGMENT, pathSegment } from '../../shared/path-segment.ts';
import { sendText } from '../../shared/text-channel.ts';
import { LULL_RULE } from './parse.ts';

type SendSettings = {
  baseUrl: string;
  accountId: number;
  apiToken: string;
  surveyText?: string | undefined;
};

const RESPONSE: ResponseFormat = {
  messageId: (body) => {
    const id = (body as { id?: unknown } | null)?.id;
    return typeof id === 'number' ? String(id) : null;
  },
};

/** Posts a message into the conversation that the address names, marked so that its echo is ignored (LL-9). */
export function deliverToChatwoot(
  message: OutboundMessage,
  context: AdapterContext<SendSettings>,
): Promise<DeliverResult> {
  const { baseUrl, accountId, apiToken } = context.settings;
  return sendText(message, context.settings, async (content) => {
    const conversation = pathSegment(message.address);
    if (conversation === null) return rejected(INVALID_SEGMENT);
    return await postMessage(
      `${baseUrl.replace(/\/$/, '')}/api/v1/accounts/${accountId}/conversations/${conversation}/messages`,
      {
        headers: { api_access_token: apiToken, 'content-type': 'application/json' },
        body: JSON.stringify({
          content,
          message_type: 'outgoing',
          private: false,
          content_attributes: { automation_rule_id: LULL_RULE },
        }),
      },
      RESPONSE,
      context,
    );
  });
}
