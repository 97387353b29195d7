/** A shorter address occurs in too many words. */
const MIN_LENGTH = 4;

/**
 * Removes the customer's address from a provider's text, because the text is stored, logged and shown to admins. Phone
 * numbers are found with and without their plus sign.
 */
export function withoutAddress(text: string, address: string): string {
  const bare = address.replace(/^\+/, '');
  if (bare.length < MIN_LENGTH) return text;
  const escaped = bare.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return text.replace(new RegExp(`\\+?(?<![\\p{L}\\p{N}])${escaped}(?![\\p{L}\\p{N}])`, 'giu'), '[address]');
}
