import { InvalidInputError } from './errors.ts';

/**
 * A bound. `inputs`: the API fields it applies to, a field of a list with `[]`. `columns`: where the data is
 * stored. `beyond`: what happens above it.
 */
export type Bound = {
  what: string;
  max: number;
  unit: 'characters' | 'entries' | 'levels' | 'events';
  inputs: readonly string[];
  columns: readonly string[];
  beyond: string;
};

const REFUSED = 'INVALID_INPUT';
const OF_PROVIDER = `${REFUSED}; from a provider, that event alone is set aside`;
const KEPT = `${REFUSED}; what there is stays, and can be reduced`;
const some = (what: string, unit: Bound['unit'], max: number, more: Partial<Bound> = {}): Bound => ({
  ...{ what, unit, max, inputs: [], columns: [], beyond: REFUSED },
  ...more,
});

/**
 * Everything that a call or an account can make grow, with its bound: enforced by the code, checked by tests,
 * rendered as docs/bounds.md.
 */
export const BOUNDS = {
  activities: some('activities of a call', 'entries', 1_000, {
    inputs: ['RecordActivitiesInput.activities'],
    beyond: 'TOO_MANY; the calls of a provider are recorded in parts of so many',
  }),
  address: some('an address', 'characters', 256, {
    inputs: ['ActivityInput.address', 'Mutation.startConversation.address'],
    columns: ['contact.address'],
    beyond: OF_PROVIDER,
  }),
  messageId: some('the id of a message at its channel', 'characters', 256, {
    inputs: ['ActivityInput.messageId', 'ActivityInput.of'],
    columns: ['event.message_id'],
    beyond: OF_PROVIDER,
  }),
  tag: some('a tag', 'characters', 100, {
    inputs: [
      ...['ActivityInput.add[]', 'ActivityInput.remove[]', 'Mutation.addTags.tags[]'],
      ...['Mutation.removeTags.tags[]', 'Mutation.setExemptTags.tags[]', 'SetPolicyInput.tagOnClose'],
      'ConversationFilter.tag',
    ],
  }),
  tagsOfActivity: some('tags that an activity adds, or removes', 'entries', 50, {
    inputs: [
      'ActivityInput.add',
      'ActivityInput.remove',
      'Mutation.addTags.tags',
      'Mutation.removeTags.tags',
    ],
    columns: ['event.data'],
  }),
  conversationTags: some('tags of a conversation', 'entries', 100, {
    columns: ['conversation.tags'],
    beyond: `${KEPT}; \`tagOnClose\` is added all the same`,
  }),
  exemptTags: some('exempt tags of an account', 'entries', 50, {
    inputs: ['Mutation.setExemptTags.tags'],
    columns: ['account.exempt_tags'],
  }),
  caseStatus: some('a case status', 'characters', 100, {
    inputs: [
      ...['ActivityInput.caseStatus', 'Mutation.setCaseStatus.caseStatus'],
      ...['Mutation.setCaseStatuses.caseStatuses[]', 'SetPolicyInput.autoCloseCaseStatuses[]'],
    ],
    columns: ['conversation.case_status'],
  }),
  caseStatuses: some('case statuses of an account', 'entries', 100, {
    inputs: ['Mutation.setCaseStatuses.caseStatuses', 'SetPolicyInput.autoCloseCaseStatuses'],
    columns: ['account.case_statuses'],
  }),
  clientVersion: some('the version of a client', 'characters', 100, {
    inputs: ['ActivityInput.clientVersion'],
    columns: ['contact.client_version'],
    beyond: `${REFUSED}; from a provider, it is left out and the message counts`,
  }),
  locale: some('a language', 'characters', 35, {
    inputs: ['ActivityInput.locale', 'CloseMessageInput.locale'],
    columns: ['contact.locale'],
    beyond: `${REFUSED}; on Lull's own wire that event alone is set aside, from other providers it is left out`,
  }),
  keywordText: some('a message that may be a word such as STOP', 'characters', 500, {
    inputs: ['ActivityInput.text'],
    beyond: 'a longer one is no word; no text is kept',
  }),
  foldedEvents: some(
    'events of a conversation in which late activities take their places',
    'events',
    20_000,
    {
      beyond: 'in a longer one they are decided as they come',
    },
  ),
  name: some('a name', 'characters', 100, {
    inputs: [
      ...['CreateAgentInput.name', 'UpdateAgentInput.name', 'CreateApiKeyInput.name'],
      ...['CreateChannelInput.name', 'UpdateChannelInput.name', 'Mutation.createSkill.name'],
      ...['Mutation.renameSkill.name', 'Mutation.createCalendar.name', 'Mutation.updateCalendar.name'],
    ],
    columns: ['agent.name', 'api_key.name', 'channel.name', 'skill.name', 'calendar.name'],
  }),
  subject: some('the subject of an agent', 'characters', 256, {
    inputs: ['CreateAgentInput.subject', 'UpdateAgentInput.subject'],
    columns: ['agent.subject'],
  }),
  why: some('the reason of a change of rules', 'characters', 1_000, {
    inputs: [
      ...['CreateChannelInput.why', 'UpdateChannelInput.why', 'SetPolicyInput.why'],
      ...['CreateWebhookEndpointInput.why', 'UpdateWebhookEndpointInput.why'],
      ...['deleteWebhookEndpoint', 'disableWebhookEndpoint', 'enableWebhookEndpoint', 'rotateWebhookSecret']
        .concat('endOutage', 'recordOutage', 'pauseAutomaticEnds', 'resumeAutomaticEnds', 'setProfile')
        .concat('setAccountCalendar', 'setCaseStatuses', 'setExemptTags', 'updateCalendar')
        .map((mutation) => `Mutation.${mutation}.why`),
    ],
    columns: ['rules_version.why'],
  }),
  idempotencyKey: some('an idempotency key', 'characters', 256, {
    inputs: ['Mutation.*.idempotencyKey'],
    columns: ['idempotency.key'],
  }),
  closeMessage: some('a close message', 'characters', 4_096, {
    inputs: ['CloseMessageInput.text'],
    beyond: `${REFUSED}; a channel may take less`,
  }),
  closeMessages: some('close messages of a layer, one a language', 'entries', 50, {
    inputs: ['SetPolicyInput.closeMessages'],
    columns: ['policy_layer.fields'],
  }),
  optOutWord: some('an opt-out word', 'characters', 50, { inputs: ['SetPolicyInput.optOutWords[]'] }),
  optOutWords: some('opt-out words of a layer', 'entries', 50, { inputs: ['SetPolicyInput.optOutWords'] }),
  reminders: some('reminders before a close', 'entries', 3, { inputs: ['SetPolicyInput.remindBefore'] }),
  weekly: some('opening times of a calendar', 'entries', 100, {
    inputs: ['OpenHoursInput.weekly'],
    columns: ['calendar.hours'],
  }),
  holidays: some('holidays of a calendar', 'entries', 1_000, { inputs: ['OpenHoursInput.holidays'] }),
  settings: some('the settings of a channel, as JSON', 'characters', 32_768, {
    inputs: ['CreateChannelInput.settings', 'UpdateChannelInput.settings'],
    columns: ['channel.settings'],
  }),
  settingsLevels: some('lists and objects within each other in settings', 'levels', 20),
  url: some('the address of an endpoint', 'characters', 2_000, {
    inputs: ['CreateWebhookEndpointInput.url', 'UpdateWebhookEndpointInput.url'],
    columns: ['webhook_endpoint.url'],
  }),
  endpointEvents: some('events that an endpoint is told of', 'entries', 50, {
    inputs: ['CreateWebhookEndpointInput.events', 'UpdateWebhookEndpointInput.events'],
    columns: ['webhook_endpoint.events'],
  }),
  scopes: some('scopes of a key', 'entries', 50, {
    inputs: ['CreateApiKeyInput.scopes'],
    columns: ['api_key.scopes'],
  }),
  skills: some('skills of an account', 'entries', 1_000, { beyond: KEPT }),
  agents: some('agents of an account', 'entries', 10_000, { beyond: KEPT }),
  channels: some('channels of an account', 'entries', 500, { beyond: KEPT }),
  calendars: some('calendars of an account', 'entries', 500, { beyond: KEPT }),
  apiKeys: some('keys of an account that are not revoked', 'entries', 500, { beyond: KEPT }),
  webhookEndpoints: some('webhook endpoints of an account', 'entries', 50, { beyond: 'OUT_OF_BOUNDS' }),
  policyLayers: some('policy layers of an account', 'entries', 1_000, { beyond: KEPT }),
  outages: some('outages of an account that go on, or ended within 90 days', 'entries', 1_000, {
    beyond: KEPT,
  }),
} as const satisfies Record<string, Bound>;

/** The kinds of objects that an account can have a limited number of. */
export type Counted = 'skills' | 'agents' | 'channels' | 'calendars' | 'apiKeys' | 'policyLayers' | 'outages';

/**
 * Refuses one more object if the account has the maximum.
 * @throws InvalidInputError naming the kind and the maximum
 */
export function checkCount(counted: Counted, count: number): void {
  const { what, max } = BOUNDS[counted];
  if (count >= max)
    throw new InvalidInputError(counted, `at most ${max} ${what} are allowed; it has ${count}`);
}

/** Refuses a list that is too long. @throws InvalidInputError naming `field` */
export function checkLength(list: readonly unknown[], field: string, max: number): void {
  if (list.length > max)
    throw new InvalidInputError(field, `at most ${max} entries are allowed; there are ${list.length}`);
}
