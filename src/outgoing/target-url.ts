import { BOUNDS } from '../domain/bounds.ts';
import { InvalidInputError } from '../domain/errors.ts';
import { isPrivateHost } from './private-address.ts';

const MAX_LENGTH = BOUNDS.url.max;

/**
 * Parses a URL that Lull will send to: of a webhook endpoint or a channel's setting. Unless private addresses are
 * allowed, it must use https and a host that is not known to be private. Every request checks the resolved addresses.
 * @throws InvalidInputError naming `field`
 */
export function readTargetUrl(text: string, field: string, allowPrivate: boolean): string {
  const refused = (allowed: string) => new InvalidInputError(field, allowed);
  const protocols = allowPrivate ? ['https:', 'http:'] : ['https:'];
  const url = text.length <= MAX_LENGTH ? URL.parse(text) : null;
  if (url === null || !protocols.includes(url.protocol) || url.hostname === '')
    throw refused(
      `a URL of at most ${MAX_LENGTH} characters that begins with ${protocols.join('// or ')}// is allowed`,
    );
  if (url.username !== '' || url.password !== '')
    throw refused('a URL without a user and a password is allowed');
  if (url.port === '0') throw refused('a URL without the port 0 is allowed');
  if (!allowPrivate && isPrivateHost(url.hostname))
    throw refused('a public host is allowed: not a private, loopback or link-local address');
  return url.href;
}
