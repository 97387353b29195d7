import type { World } from './world.ts';

/**
 * What is asked to find a field's weight: the field's name, with a case behind a colon where its arguments tell. `without`: the
 * same request without the field; absent: nothing but the request itself.
 */
export type Case = { field: string; query: string; without?: string };

const YEAR = 'from: "2026-01-01T00:00:00Z", until: "2027-01-01T00:00:00Z"';

/** The unit: one row by its key, in a statement of its own. */
export const unitOf = ({ Conversation }: World) => `{ conversation(id: "${Conversation}") { revision } }`;

/** A case for every field that reads, on the rows that cost the most. */
export function casesOf(ids: World): Case[] {
  const conversation = (fields: string) =>
    `{ conversation(id: "${ids.Conversation}") { revision ${fields} } }`;
  const within = (field: string, fields: string): Case => ({
    ...{ field, query: conversation(fields), without: unitOf(ids) },
  });
  const node = (type: keyof World, field: string, fields: string): Case => {
    const of = (own: string) => `{ node(id: "${ids[type]}") { id ... on ${type} { id ${own} } } }`;
    return { field: `${type}.${field}`, query: of(fields), without: of('') };
  };
  const list = (field: string, args: string) => ({
    field: `Query.${field}`,
    query: `{ ${field.split(':')[0]}(${args}) { pageInfo { hasNextPage } } }`,
  });
  const order = (by: string, direction = 'ASC') =>
    `first: 1, orderBy: { field: ${by}, direction: ${direction} }`;
  return [
    { field: 'Query.node', query: `{ node(id: "${ids.Contact}") { id } }` },
    { field: 'Query.conversation', query: unitOf(ids) },
    { field: 'Query.account', query: '{ account { name } }' },
    { field: 'Query.eventsCursor', query: '{ eventsCursor }' },
    list('conversations', 'first: 1'),
    list('conversations:filter', 'first: 1, filter: { status: [NEW], awaiting: AGENT }'),
    list('conversations:tag', 'first: 1, filter: { tag: "nobody has it" }'),
    list('conversations:ordered', order('DUE')),
    list('conversations:ordered, latest first', order('DUE', 'DESC')),
    list('conversations:ordered, by activity', order('LAST_ACTIVITY')),
    list('conversations:ordered, by agent', `${order('DUE')}, filter: { agentId: "${ids.Agent}" }`),
    list('conversations:ordered, by tag', `${order('DUE')}, filter: { tag: "nobody has it" }`),
    list('events', 'first: 1'),
    list('undelivered', 'first: 1'),
    list('undelivered:channelId', `first: 1, channelId: "${ids.otherChannel}"`),
    list('outages', 'first: 1'),
    list('rulesVersions', 'first: 1'),
    list('agents', 'first: 1'),
    list('apiKeys', 'first: 1'),
    list('runs', 'first: 1'),
    { field: 'Query.report', query: `{ report(${YEAR}) { from } }` },
    { field: 'Query.report:by', query: `{ report(${YEAR}, by: AGENT) { from } }` },
    { field: 'Query.webhookEndpoints', query: '{ webhookEndpoints { url } }' },
    { field: 'Query.pauses', query: '{ pauses { since } }' },
    within('Conversation.contact', 'contact { locale }'),
    within('Conversation.channel', 'channel { name }'),
    within('Conversation.agent', 'agent { name }'),
    within('Conversation.due', 'due { at }'),
    within('Conversation.closing', 'closing { survey }'),
    within('Conversation.feed', 'feed(first: 1) { pageInfo { hasNextPage } }'),
    within('Conversation.explanation', 'explanation { due { at } }'),
    within('Conversation.feed:200', 'feed(first: 200) { nodes { kind } }'),
    node('Contact', 'consentChanges', 'consentChanges { at }'),
    node('Channel', 'settings', 'settings'),
    node('WebhookEndpoint', 'deliveries', 'deliveries(first: 1) { pageInfo { hasNextPage } }'),
    {
      field: 'Account.exemptionBackfill',
      query: '{ account { name exemptionBackfill { doneAt } } }',
      without: '{ account { name } }',
    },
    {
      field: 'Account.caseStatuses',
      query: '{ account { name caseStatuses } }',
      without: '{ account { name } }',
    },
  ];
}
