import { type ConsentChange, readConsents } from '../../db/rows/consents.ts';
import type { ChannelRow, ContactRow } from '../../insight/reads.ts';
import { builder } from '../core/builder.ts';
import { ConsentEnum, enumOf } from '../core/enums.ts';
import { Channel } from '../core/named.ts';

const ConsentSourceEnum = enumOf<ConsentChange['source']>(
  'ConsentSource',
  'How it is known what a contact said about being written to.',
  {
    KEYWORD: 'Their message was read for a keyword.',
    PROVIDER: 'Whoever reported their message took it for that.',
  },
);
export const Contact = builder.objectRef<ContactRow>('Contact');

const ConsentChangeType = builder.objectRef<ConsentChange>('ConsentChange').implement({
  description: 'Something a contact said about being written to (PE-12).',
  fields: (t) => ({
    consent: t.field({ type: ConsentEnum, description: 'What.', resolve: ({ consent }) => consent }),
    at: t.field({ type: 'DateTime', description: 'When it was said.', resolve: ({ at }) => at }),
    source: t.field({
      type: ConsentSourceEnum,
      description: 'How it is known.',
      resolve: ({ source }) => source,
    }),
  }),
});

builder.node(Contact, {
  name: 'Contact',
  description: 'Somebody at an address of a channel.',
  id: { resolve: (contact) => contact.id, description: 'Unique over all types.' },
  loadManyWithoutCache: (ids, context) => Promise.all(ids.map((id) => context.load.contact(id))),
  fields: (t) => ({
    address: t.exposeString('address', {
      nullable: true,
      description: 'What the channel knows the contact by; null once erased (PE-15).',
    }),
    channel: t.field({
      type: Channel,
      description: 'The channel the address is on.',
      resolve: ({ channelId }, _args, { load }) => load.channel(channelId) as Promise<ChannelRow>,
    }),
    clientVersion: t.exposeString('clientVersion', {
      nullable: true,
      description: "The version that the customer's client last reported (LP-9); null: never.",
    }),
    locale: t.exposeString('locale', { nullable: true, description: 'Language and region, BCP 47 (PE-3).' }),
    consent: t.field({
      type: ConsentEnum,
      description: 'What the contact said about being written to (SF-11).',
      resolve: (contact) => contact.consent,
    }),
    consentChanges: t.field({
      type: [ConsentChangeType],
      description: 'What the contact has said about being written to (PE-12), the newest first, at most 100.',
      resolve: ({ id }, _args, { accountId, reads }) => readConsents(reads.sql, accountId, id, 100),
    }),
  }),
});
