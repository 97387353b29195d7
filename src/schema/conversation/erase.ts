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
      'Erases a contact permanently (PE-15). Its open conversation ends first. Its address, language and client version are deleted, and so are message ids and versions in its feed. Its conversations, tags and counts stay and name nobody. A repeated report of its messages does not restore it: Lull keeps a keyed hash of the address and the message ids for 30 days, and of an opt-out permanently. A later message from the address belongs to a new contact. Repeating the call changes nothing. Requires the scope `accounts:write`.',
    authScopes: { scope: 'accounts:write' },
    args: {
      contactId: t.arg.id({
        required: true,
        description: 'The id of the contact. Code NOT_FOUND if the account has no such contact.',
      }),
      by: t.arg({
        type: EnderEnum,
        required: true,
        description: 'The role that ends the open conversation (PE-14).',
      }),
    },
    errors: {
      types: [InvalidInputError, NotFoundError, UnavailableError, ForbiddenError],
      union: {
        name: 'EraseContactResult',
        description: 'The erased contact, or the error that prevented the erasure.',
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
