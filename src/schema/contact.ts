import type { ChannelRow, ContactRow } from '../db/reads.ts';
import { builder } from './builder.ts';
import { ConsentEnum } from './enums.ts';
import { Channel } from './named.ts';

export const Contact = builder.objectRef<ContactRow>('Contact');

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
  }),
});
