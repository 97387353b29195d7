import type { TransactionSql } from 'postgres';
import type { StoredContact } from '../db/rows/contacts.ts';
import { type ErasedIdentifier, findErased } from '../db/rows/erased-identifiers.ts';
import { messageKey } from '../db/rows/events.ts';
import type { IdentifierHash } from '../engine.ts';
import type { FoundItem } from './load-locked.ts';
import type { Resolved } from './resolve-targets.ts';

/** The erased identifiers that a call names (PE-15). */
export type Erased = {
  /** The last erasure of an address, by the id of the new contact with that address. */
  addresses: Map<string, ErasedIdentifier>;
  /** Message ids that were erased, by `messageKey`. */
  messages: Set<string>;
  /** The hashes that were looked up, by `messageKey`. */
  hashes: Map<string, string>;
};

export const nothingErased = (): Erased => ({ addresses: new Map(), messages: new Set(), hashes: new Map() });

/**
 * Looks up, by their hashes, the addresses of new contacts, and the messages of new, erased and returned contacts. For all other
 * contacts, which are nearly all, it hashes and reads nothing.
 */
export async function loadErased(
  sql: TransactionSql,
  accountId: string,
  {
    items,
    contacts,
    newContacts,
  }: {
    items: readonly FoundItem[];
    contacts: Map<string, StoredContact>;
    newContacts: Resolved['newContacts'];
  },
  hash: IdentifierHash,
): Promise<Erased> {
  const addresses = new Map(
    newContacts.map(({ id, channelId, address }) => [
      id,
      hash({ kind: 'ADDRESS', accountId, channelId, value: address }),
    ]),
  );
  const hashes = new Map<string, string>();
  for (const { contactId, command } of items) {
    const contact = contacts.get(contactId);
    const { messageId } = command;
    if (!contact || messageId === null) continue;
    if (!addresses.has(contactId) && !contact.isErased && contact.erasedBefore === null) continue;
    const { channelId } = contact;
    hashes.set(
      messageKey(channelId, messageId),
      hash({ kind: 'MESSAGE', accountId, channelId, value: messageId }),
    );
  }
  if (addresses.size + hashes.size === 0) return nothingErased();
  const found = await findErased(sql, accountId, [...addresses.values(), ...hashes.values()]);
  return {
    addresses: new Map(
      [...addresses].flatMap(([id, own]) => {
        const erased = found.get(own);
        return erased ? [[id, erased] as const] : [];
      }),
    ),
    messages: new Set([...hashes].flatMap(([key, own]) => (found.has(own) ? key : []))),
    hashes,
  };
}
