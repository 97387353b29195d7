/** An address that is shorter stands in too many words to be looked for. */
const LEAST_LENGTH = 4;

/**
 * A provider's answer without the address that it was for: it is kept, shown to admins and logged, where nobody would look
 * for a customer's. Phone numbers are found with their plus sign and without.
 */
export function withoutAddress(text: string, address: string): string {
  const bare = address.replace(/^\+/, '');
  if (bare.length < LEAST_LENGTH) return text;
  const escaped = bare.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return text.replace(new RegExp(`\\+?(?<![\\p{L}\\p{N}])${escaped}(?![\\p{L}\\p{N}])`, 'giu'), '[address]');
}
