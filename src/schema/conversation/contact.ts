import { type ConsentChange, readConsents } from '../../db/rows/consents.ts';
import type { ContactRow } from '../../insight/reads/contacts.ts';
import type { ChannelRow } from '../../insight/reads/named.ts';
import { builder } from '../core/builder.ts';
import { ConsentEnum, enumOf } from '../core/enums.ts';
import { Channel } from '../core/named.ts';

const ConsentSourceEnum = enumOf<ConsentChange['source']>(
  'ConsentSource',
  'The evidence for a change of consent.',
  {
    KEYWORD: 'Lull recognised a keyword in the message of the contact.',
    PROVIDER: 'The reporter of the message recognised the keyword and set `keyword`.',
  },
);
export const Contact = builder.objectRef<ContactRow>('Contact');

const ConsentChangeType = builder.objectRef<ConsentChange>('ConsentChange').implement({
  description: 'A change of the consent of a contact to receive messages (PE-12).',
  fields: (t) => ({
    consent: t.expose('consent', {
      type: ConsentEnum,
      description: 'The consent from this time on.',
    }),
    at: t.expose('at', { type: 'DateTime', description: 'The time of the message.' }),
    source: t.expose('source', {
      type: ConsentSourceEnum,
      description: 'How Lull learned of the change.',
    }),
  }),
});

builder.node(Contact, {
  name: 'Contact',
  description: 'A customer at one address of one channel.',
  id: { resolve: (contact) => contact.id, description: 'The global id: unique across all types, opaque.' },
  loadManyWithoutCache: (ids, context) => Promise.all(ids.map((id) => context.load.contact(id))),
  fields: (t) => ({
    address: t.exposeString('address', {
      nullable: true,
      description:
        'The identifier of the contact on the channel, such as a phone number; null after an erasure (PE-15).',
    }),
    channel: t.field({
      type: Channel,
      description: 'The channel that the address belongs to.',
      resolve: ({ channelId }, _args, { load }) => load.channel(channelId) as Promise<ChannelRow>,
    }),
    clientVersion: t.exposeString('clientVersion', {
      nullable: true,
      description:
        'The version of the app or SDK that the client last reported (LP-9); null if it never did.',
    }),
    locale: t.exposeString('locale', {
      nullable: true,
      description:
        'The language that the client last reported, as a BCP 47 tag (PE-3); null if it never did.',
    }),
    consent: t.expose('consent', {
      type: ConsentEnum,
      description: 'Whether Lull may send messages to the contact (SF-11).',
    }),
    consentChanges: t.field({
      type: [ConsentChangeType],
      description: 'The changes of consent (PE-12), the newest first, at most 100.',
      resolve: ({ id }, _args, { accountId, reads }) => readConsents(reads.sql, accountId, id, 100),
    }),
  }),
});
