import { eraseContact } from '../../accounts/erase-contact.ts';
import { ForbiddenError, InvalidInputError, NotFoundError, UnavailableError } from '../../domain/errors.ts';
import { builder } from '../core/builder.ts';
import { decodeId } from '../core/ids.ts';
import { EnderEnum } from './commands.ts';
import { Contact } from './contact.ts';

builder.mutationField('eraseContact', (t) =>
  t.field({
    type: Contact,
    description:
      'Erases a contact, for good (PE-15): its address, language, client version, and what in its feed may hold them (ids of messages, versions) go; its conversations, their tags and their counts stay, with nobody to name. A conversation that is open ends first. What is reported again of its messages does not bring it back: for 30 days a keyed hash of the address and of the ids is kept, and of an opt-out for good. A message sent later from the address is from a new contact. The same call again changes nothing. Needs the scope `accounts:write`.',
    authScopes: { scope: 'accounts:write' },
    args: {
      contactId: t.arg.id({ required: true, description: 'The contact.' }),
      by: t.arg({
        type: EnderEnum,
        required: true,
        description: 'In whose role the open conversation ends (PE-14).',
      }),
    },
    errors: {
      types: [InvalidInputError, NotFoundError, UnavailableError, ForbiddenError],
      union: {
        name: 'EraseContactResult',
        description: 'What is left of the contact, or why it is as it was.',
      },
    },
    async resolve(_root, { contactId, by }, { accountId, agentId, deps, load }) {
      const id = decodeId('Contact', contactId, 'contactId');
      const isAgents = by === 'AGENT' && agentId !== null;
      const end = { kind: 'END', by, ...(isAgents ? { agentId } : {}) } as const;
      await deps.afterCommit(eraseContact(deps, accountId, id, end));
      const contact = await load.contact(id);
      if (contact === null) throw new NotFoundError('contactId', 'contact');
      return contact;
    },
  }),
);
