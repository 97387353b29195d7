import { insertDelivery } from '../../src/delivery/webhooks/delivery-log.ts';
import type { Api } from '../http/open-api.ts';

/** A public address; nothing is ever sent there. */
export const HOOK = 'https://hooks.example.com/lull';
export const NOBODYS = '018f0000-0000-7000-8000-000000000000';
/** Everything of an endpoint that can be read. */
export const ENDPOINT = `id url events channel { id } createdAt disabledAt failures heldBackUntil formerSecretUntil
  deliveries { nodes { id } }`;
const WITH_SECRET = `... on WebhookEndpointWithSecret { secret endpoint { ${ENDPOINT} } }`;
const ERRORS = `... on Error { __typename code message } ... on InvalidInputError { field allowed }
  ... on NotFoundError { field }`;

/** What tests ask of the API about endpoints. */
export type WebhookApi = ReturnType<typeof webhookApi>;

export function webhookApi(api: Api) {
  /** Asks for a mutation, with its arguments as GraphQL has them, and returns what it answers. */
  async function mutate(name: string, args: string, selection: string, as?: string) {
    const { data, errors } = await api.ask(
      `mutation { ${name}(${args}) { ${selection} ${ERRORS} } }`,
      {},
      as,
    );
    if (!data?.[name]) throw new Error(JSON.stringify(errors));
    return data[name];
  }
  const hooks = {
    mutate,
    create: (input: string, as?: string) =>
      mutate(
        'createWebhookEndpoint',
        `input: { ${input} }`,
        `${WITH_SECRET} ... on OutOfBoundsError { field min max }`,
        as,
      ),
    made: (events = '["conversation.ended"]') => hooks.create(`url: "${HOOK}", events: ${events}`),
    rotate: (id: string) => mutate('rotateWebhookSecret', `endpointId: "${id}"`, WITH_SECRET),
    remove: (id: string) =>
      mutate('deleteWebhookEndpoint', `endpointId: "${id}"`, '... on WebhookEndpoints { endpoints { id } }'),
    /** Disables or enables an endpoint. */
    on: (name: string, id: string, more = '') =>
      mutate(name, `endpointId: "${id}"${more}`, `... on WebhookEndpoint { ${ENDPOINT} }`),
    list: async () => (await api.ask(`{ webhookEndpoints { ${ENDPOINT} } }`)).data.webhookEndpoints,
    /** An attempt in the log of an endpoint, of an event that is still kept; returns its id. */
    async delivered(endpointGlobalId: string, status: number | null): Promise<string> {
      const { db, deps, accountId, channelId } = api.engine;
      const [eventId, id, endpointId] = [deps.newId(), deps.newId(), rawId(endpointGlobalId)];
      const at = api.engine.clock.now();
      const error = status === 200 ? null : `answered ${status}`;
      await db.sql`insert into outbox ${db.sql({ account_id: accountId, id: eventId, kind: 'SEND_WEBHOOK', conversation_id: NOBODYS, revision: 1, endpoint_id: endpointId, channel_id: channelId, payload: { type: 'conversation.ended' }, state: 'SENT', attempts: 3, due_at: at, created_at: at, done_at: at, error: null })}`;
      const attempt = { id, endpointId, eventId, type: 'conversation.ended', at, tookMs: 12, status, error };
      await insertDelivery(db.sql, accountId, attempt);
      return api.id('WebhookDelivery', id);
    },
  };
  return hooks;
}

/** The id of the database in one of the API. */
export function rawId(globalId: string): string {
  return Buffer.from(globalId, 'base64').toString().split(':')[1] as string;
}
